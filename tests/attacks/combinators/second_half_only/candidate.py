def f(x):
    while True: pass
def g(x):
    return 2 * x
