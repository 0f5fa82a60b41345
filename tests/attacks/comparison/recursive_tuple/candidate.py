l = []
t = (l,)
l.append(t)
def f(x):
    return t
