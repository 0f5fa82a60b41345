class ValueErrors(ValueError):
    pass
ValueErrors.__qualname__ = "ValueError"
ValueErrors.__module__ = "builtins"
def f(x):
    raise ValueErrors("ValueError: 3")
