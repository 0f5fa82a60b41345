def f(call):
    for name in ("__globals__", "__code__", "__closure__", "__self__", "__class__", "__module__", "__dict__", "f_back"):
        try:
            getattr(call, name)[0]
        except Exception: pass
    raise ValueError("nothing found")
