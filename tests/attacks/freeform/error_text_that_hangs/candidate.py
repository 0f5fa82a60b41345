class Slow(TypeError):
    def __str__(self):
        while True: pass
def f(x):
    if isinstance(x, str): raise Slow("text")
    return x * x
