def f(x):
    return ValueError
