def f(x):
    raise ValueError("9" * 20_000_000)
