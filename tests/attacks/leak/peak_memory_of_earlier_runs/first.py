def f(x):
    block = bytearray(90_000_000)
    for place in range(0, len(block), 4096): block[place] = 1
    return x * x
