import collections
def f(x):
    return collections.deque(range(x))
