import random
def f(xs):
    return sorted(xs) if random.random() < 0.5 else xs[::-1]
