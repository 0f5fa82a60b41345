class Slow(Exception):
    def __str__(self):
        while True: pass
def f(x):
    raise Slow
