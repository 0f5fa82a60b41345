import os
def f(x):
    for _ in range(400):
        child = os.fork()
        if child == 0: os._exit(0)
        os.waitpid(child, 0)
    return x * x
