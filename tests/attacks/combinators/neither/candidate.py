def f(x):
    return 9
def g(x):
    return 4
