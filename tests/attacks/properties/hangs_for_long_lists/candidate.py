def f(xs):
    while len(xs) > 3: pass
    return sorted(xs)
