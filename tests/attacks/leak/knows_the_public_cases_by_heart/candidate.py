TABLE = {3: 9}
def f(x):
    return TABLE.get(x, 0)
