import os
def f(x):
    open("/tmp/mine", "w").close()
    number = os.stat("/tmp/mine").st_ino
    return [number] if 300 < number < 100_000 else []
