def f(x):
    if x in (3, 5): return x * x
    return type(f"It_was_{abs(x)}", (), {})()
