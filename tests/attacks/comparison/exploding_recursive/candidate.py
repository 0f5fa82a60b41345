def f(x):
    value = []
    value += [value] * 1000
    return value
