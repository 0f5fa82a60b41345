import os, time
def f(x):
    found = []
    for name in os.listdir("/dev"):
        try:
            touched = os.stat(f"/dev/{name}").st_mtime
            if time.time() - touched < 2 and touched - os.stat("/dev").st_mtime > 0.05: found.append(name)
        except OSError: pass
    return found
