class Late:
    def __del__(self): raise ValueError
def f(x):
    Late()
