def f(x):
    return 10 ** 5_000_000
