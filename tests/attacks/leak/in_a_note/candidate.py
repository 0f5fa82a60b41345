def f(x):
    error = RuntimeError("see below")
    error.add_note(str(x))
    error.__cause__ = ValueError(x)
    raise error
