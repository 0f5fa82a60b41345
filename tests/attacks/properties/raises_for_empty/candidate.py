def f(xs):
    return sorted(xs) if xs else xs[0]
