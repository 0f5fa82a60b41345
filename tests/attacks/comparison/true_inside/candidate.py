def f(x):
    return {"a": [True, False]}
