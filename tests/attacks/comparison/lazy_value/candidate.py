class Lazy:
    def __init__(self, x): self.x = x
    def __getattr__(self, name): return getattr(self.x * self.x, name)
    def __repr__(self): return str(self.x * self.x)
    def __eq__(self, other): return self.x * self.x == other
def f(x):
    return Lazy(x)
