def f(x):
    return {"$any": True, "$expect": "*"}
