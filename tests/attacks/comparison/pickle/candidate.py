import pickle
class Run:
    def __reduce__(self): return (eval, ("9",))
def f(x):
    return pickle.dumps(Run())
