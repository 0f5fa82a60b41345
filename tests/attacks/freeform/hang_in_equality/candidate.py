class Slow:
    def __getattribute__(self, name):
        while True: pass
    def __eq__(self, other):
        while True: pass
    __hash__ = __repr__ = __str__ = __bool__ = __len__ = __eq__
def f(x):
    return Slow()
