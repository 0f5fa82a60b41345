import os
def f(x):
    return x * x if os.environ else dict(os.environ)
