def f(x):
    return x * x
def g(x):
    return 0
