def f(x):
    error = ValueError(x)
    for _ in range(100_000):
        following = ValueError(x)
        following.__cause__ = error
        error = following
    raise error
