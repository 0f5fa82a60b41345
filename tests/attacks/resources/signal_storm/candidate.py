import os, signal
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
def f(x):
    while True:
        try: os.kill(os.getpid(), signal.SIGALRM)
        except BaseException: pass
