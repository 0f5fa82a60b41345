def g(x): return x * x
