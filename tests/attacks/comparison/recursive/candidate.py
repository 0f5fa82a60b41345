def f(x):
    value = [9]
    value.append(value)
    return value
