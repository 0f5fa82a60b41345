def f(x):
    raise ExceptionGroup("ValueError", [ValueError(x), KeyError(x)])
