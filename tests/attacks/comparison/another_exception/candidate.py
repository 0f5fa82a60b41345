class MyValueError(ValueError):
    pass
def f(x):
    raise MyValueError("ValueError")
