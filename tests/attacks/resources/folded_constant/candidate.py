VALUE = 1 << (1 << 40)
def f(x):
    return x * x
