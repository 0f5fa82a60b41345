import zlib
def f(x):
    data = zlib.compress(bytes(20_000_000))
    held = []
    while True: held.append(zlib.decompress(data))
