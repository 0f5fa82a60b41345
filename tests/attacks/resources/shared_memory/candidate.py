import mmap
def f(x):
    held = []
    while True:
        block = mmap.mmap(-1, 10_000_000)
        block.write(b"x" * 10_000_000)
        held.append(block)
