class Own:
    pass
o = Own()
try: o.__class__ = int
except TypeError: pass
def f(x):
    return o
