def f(x):
    value = 9
    for _ in range(100_000):
        value = [value]
    return value
