import os, sys
def f(x):
    while True:
        sys.stdout.write("9" * 100_000)
        sys.stderr.write("9" * 100_000)
