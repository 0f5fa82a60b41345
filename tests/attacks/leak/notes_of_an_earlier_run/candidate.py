import ctypes, os
def everywhere():
    yield from (".", "/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue", os.path.expanduser("~"))

def f(x):
    found = []
    for place in everywhere():
        try: found.append(open(place + "/note").read())
        except OSError: pass
    if ctypes.CDLL(None).shmget(4242, 4096, 0o666) >= 0: found.append("shm")
    return found
