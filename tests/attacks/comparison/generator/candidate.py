def f(x):
    yield x * x
