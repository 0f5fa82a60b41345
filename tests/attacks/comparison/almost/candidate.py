def f(x):
    return 0.1 + 0.2
