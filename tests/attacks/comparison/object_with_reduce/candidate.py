class Run:
    def __reduce__(self): return (eval, ("9",))
    def __reduce_ex__(self, protocol): return (eval, ("9",))
    def __getstate__(self): return 9
def f(x):
    return Run()
