def f(x):
    if x in (3, 5): return x * x
    raise ValueError(f"it was {x}")
