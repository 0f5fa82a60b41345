class Truth:
    def __bool__(self): return True
def f(x):
    return Truth() if x % 2 == 0 else 0
