d = {}
d['d'] = d
def f(x):
    return d
