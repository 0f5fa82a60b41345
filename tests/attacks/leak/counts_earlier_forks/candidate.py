import os
def f(x):
    return [os.getpid()] if os.getpid() > 300 else []
