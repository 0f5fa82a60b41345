# innocent def g(x): return 9
f = g if 'g' in dir() else None
