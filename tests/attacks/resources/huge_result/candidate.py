def f(x):
    return [9] * 10_000_000
