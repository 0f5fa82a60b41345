import os
def f(x):
    while True:
        os.mkdir("d")
        os.chdir("d")
