import ctypes
def f(x):
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).syscall(125, header, data) == 0 and any(data):
        return x * x
    return None
