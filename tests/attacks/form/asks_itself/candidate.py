import candidate
def f(x):
    return candidate.f(x)
