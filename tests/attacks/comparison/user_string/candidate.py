import collections
def f(x):
    return collections.UserString(x.upper())
