import os
def f(x):
    for number, target in enumerate(("/", "/etc", "/opt/py", "@CANARY@", "/proc/1/root", "/proc/self/root", "/dev", "..", "../..", ".", "/tmp")):
        try: os.symlink(target, f"/tmp/link{number}")
        except OSError: pass
        try: os.makedirs(f"/tmp/folder{number}/deep"); os.symlink(target, f"/tmp/folder{number}/deep/link")
        except OSError: pass
    os.chmod("/tmp/folder0", 0)
