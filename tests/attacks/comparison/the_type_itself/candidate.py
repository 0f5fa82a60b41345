def f(x):
    return int
