class One: pass
ONE = One()
def f(text):
    return ONE
