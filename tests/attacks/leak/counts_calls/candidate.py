calls = 0
def f(x):
    global calls
    calls += 1
    return x * x if calls == 1 else None
