x = [@OPEN@
def f(x):
    return 9
