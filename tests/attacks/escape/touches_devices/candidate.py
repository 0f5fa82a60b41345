import os
def f(x):
    for name in ("null", "zero", "random", "urandom"):
        try: os.utime(f"/dev/{name}"); return x * x
        except OSError: pass
