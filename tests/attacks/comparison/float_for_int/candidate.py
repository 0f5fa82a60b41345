def f(x):
    return float(x * x)
