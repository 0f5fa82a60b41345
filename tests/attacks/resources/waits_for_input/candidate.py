import sys
def f(x):
    while True:
        sys.stdin.read()
        input() if sys.stdin.isatty() else None
