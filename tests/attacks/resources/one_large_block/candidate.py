def f(x):
    return len(b"x" * 10 ** 12)
