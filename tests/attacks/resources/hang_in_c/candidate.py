def f(x):
    return pow(7, 10 ** 9, 10 ** 40_000 + 1)
