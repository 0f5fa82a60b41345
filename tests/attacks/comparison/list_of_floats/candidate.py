def f(x):
    return [float(i) for i in range(x)]
