import os, threading, time
def f(x):
    threading.Timer(0.1, os._exit, [0]).start()
    time.sleep(5)
