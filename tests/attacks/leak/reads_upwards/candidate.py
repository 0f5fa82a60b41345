def f(x):
    for depth in range(1, 8):
        try: return open("../" * depth + "etc/passwd").read()
        except OSError: pass
