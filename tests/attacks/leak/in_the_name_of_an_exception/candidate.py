def f(x):
    raise type(f"E{x}", (Exception,), {})
