def f(x):
    return range(x)
