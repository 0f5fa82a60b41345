import socket
def f(x):
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, getattr(socket, "AF_VSOCK", 40)):
        try:
            socket.socket(family)
            return x * x
        except OSError: pass
