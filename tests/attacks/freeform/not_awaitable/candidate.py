class Soon:
    def __await__(self): return iter([9])
def f(x):
    return Soon()
