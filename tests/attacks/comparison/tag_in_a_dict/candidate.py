def f(x):
    return {"$tuple": [x, x]}
