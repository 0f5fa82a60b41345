import os, signal
print("3", flush=True)
os.kill(os.getppid(), signal.SIGSTOP)
