import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
CALLS = {"io_uring_setup": (425, 1, 0), "bpf": (321, 5, 0, 0), "perf": (298, 0, 0, -1, -1, 0), "userfaultfd": (323, 0), "keyctl": (250, 0, -3, 1),
         "add_key": (248, b"user", b"a", b"b", 1, -4), "pidfd_getfd": (438, 0, 0, 0), "kcmp": (312, 1, 1, 0, 0, 0), "init_module": (175, 0, 0, 0),
         "kexec": (246, 0, 0, 0, 0), "personality": (135, 0x0040000), "modify_ldt": (154, 0, 0, 0), "memfd_create": (319, b"a", 0), "vmsplice": (278, 0, 0, 0, 0),
         "name_to_handle_at": (303, -100, b"/", 0, 0, 0), "fanotify": (300, 0, 0), "syslog": (103, 10, 0, 0), "shmget": (29, 1, 4096, 0o1666), "mq_open": (240, b"a", 66, 0o666, 0)}
def f(x):
    open_ones = []
    for name, (number, *arguments) in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, *arguments) >= 0 or ctypes.get_errno() not in (1, 38): open_ones.append(name)
    return open_ones
