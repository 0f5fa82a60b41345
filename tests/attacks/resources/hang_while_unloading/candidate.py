import atexit
def hang():
    while True: pass
atexit.register(hang)
def f(x):
    raise SystemExit(hang())
