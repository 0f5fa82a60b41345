import threading
lock = threading.Lock()
lock.acquire()
def f(x):
    with lock: return x * x
