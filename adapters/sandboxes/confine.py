"""Inside the sandbox: what a process gives up before untrusted code runs in it.

Standard library alone: this file is part of the program that is shipped into the sandbox. Linux on x86-64 and arm64.
Resource limits hold for each process; the backends add what holds for all together (namespaces, cgroups, a watch).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Collection

__all__ = [
    "FORBIDDEN", "ConfinementError", "capabilities", "close_system_calls", "count_preloaded", "drop_capabilities",
    "expect_gvisor", "limit_resources", "seccomp_program",
]  # fmt: skip

FILE_BYTES = 16 * 2**20
"""Largest file a candidate may write, and the size of its temporary directory."""
OPEN_FILES = 64
PROCESSES = 16
"""Processes and threads of a candidate, together."""
TRUSTED_PROCESSES = 4
"""Those of the same uid beside: `bwrap`, dispatcher, zygote, and one being forked."""
MEMORY_RESERVE = 16 * 2**20
"""Address space kept back so that running out of memory can still be reported."""

_MIB = 2**20


class ConfinementError(RuntimeError):
    """This machine cannot confine a process as it must be."""


# name: (x86-64, arm64); None where the architecture has no such call.
FORBIDDEN: dict[str, tuple[int, int | None]] = {
    # other processes' memory, and debugging
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "perf_event_open": (298, 241),
    # large kernel surfaces that no answer needs
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "vmsplice": (278, 75),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    "syslog": (103, 116),
    "fanotify_init": (300, 262),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # the machine
    "acct": (163, 89),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    # whatever outlives a process, or reaches another: a later candidate must find nothing of an earlier one
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # the network, abstract sockets, vsock, crypto sockets; socketpair stays
    "socket": (41, 198),
    # memory that neither the address space limit nor the resident size shows
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
_CLONE = (56, 220)
_CLONE3 = 435
_NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW* flag that clone(2) takes
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_CAPABILITY_VERSION_3 = 0x20080522
_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


def seccomp_program(machine: str, names: Collection[str] = FORBIDDEN.keys()) -> bytes:
    """The classic BPF program that refuses the calls `names`, as an array of `struct sock_filter`.

    Raises:
        ConfinementError: the architecture is not one whose call numbers are known.
    """
    if machine not in _ARCHITECTURES:
        raise ConfinementError(f"no system call table for {machine}; x86-64 and arm64 are supported")
    column, architecture = _ARCHITECTURES[machine]
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),  # seccomp_data.arch
        (_JUMP_EQ, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # seccomp_data.nr
    ]
    if column == 0:  # x32: the same architecture, other numbers
        code += [(_JUMP_GE, 0, 1, 0x40000000), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    for name in names:
        number = FORBIDDEN[name][column]
        if number is not None:
            code += [(_JUMP_EQ, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    # clone3 hides its flags behind a pointer; the C library falls back to clone when it is missing.
    code += [(_JUMP_EQ, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    code += [
        (_JUMP_EQ, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, 16),  # low half of the first argument
        (_JUMP_SET, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


_libc = ctypes.CDLL(None, use_errno=True)
_closed: set[str] = set()
"""Calls that this process has given up, itself or by inheritance through fork."""


def close_system_calls(keep: Collection[str] = ()) -> None:
    """Give up new privileges and the calls above, for this process and all that it starts. Irrevocable.

    Those that are closed already, as a fork inherits it, are not closed again.

    Args:
        keep: leave these open for now.

    Raises:
        ConfinementError: the kernel or the architecture cannot do it.
    """
    names = [name for name in FORBIDDEN if name not in keep and name not in _closed]
    if not names:
        return
    program = seccomp_program(os.uname().machine, names)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = _Program(len(program) // 8, ctypes.addressof(buffer))
    prctl = _libc.prctl
    zero = ctypes.c_ulong(0)
    if prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero):
        raise ConfinementError("the kernel refused no_new_privs")
    if prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(header), zero, zero):
        raise ConfinementError(f"the kernel refused the seccomp filter: {os.strerror(ctypes.get_errno())}")
    _closed.update(names)


def capabilities() -> bool:
    """Whether this process has any."""
    sets = (ctypes.c_uint32 * 6)()
    return bool(_libc.capget(_capability_header(), sets)) or any(sets)


def drop_capabilities() -> None:
    """Give up all capabilities. With no new privileges, and a uid other than 0, none comes back.

    Raises:
        ConfinementError: some are left.
    """
    if _libc.capset(_capability_header(), (ctypes.c_uint32 * 6)()) or capabilities():
        raise ConfinementError("the kernel did not take the capabilities back")


def _capability_header() -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)


_preloaded = 0
"""Bytes of address space that this process had before its job, and that are not the candidate's to pay for."""


def count_preloaded() -> None:
    """Let `limit_resources`, here and in forks of this process, limit what comes on top of the present size."""
    import mmap

    global _preloaded
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 40
    # By trying, as a sandbox need not have a /proc.
    while high - low > _MIB // 16:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        try:
            mmap.mmap(-1, mmap.PAGESIZE).close()
        except (OSError, MemoryError):
            low = middle
        else:
            high = middle
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    _preloaded = high


_unknown: set[int] = set()


def expect_gvisor() -> None:
    """Let `limit_resources` leave out what gVisor's kernel does not know; its sandbox as a whole is in cgroups."""
    _unknown.update((resource.RLIMIT_NPROC, resource.RLIMIT_MSGQUEUE))


def limit_resources(*, memory_mb: int, cpu_seconds: int, processes: int = PROCESSES) -> None:
    """Set the resource limits of this process and its children.

    Args:
        memory_mb: address space, MiB, beside what `count_preloaded` found.
        cpu_seconds: processor time after which the kernel kills.
        processes: tasks of this uid; the kernel does not count for uid 0, which is refused.

    Raises:
        ConfinementError: this is uid 0 outside any user namespace, or a limit cannot be set.
    """
    if os.geteuid() == 0 or os.getuid() == 0:
        raise ConfinementError("untrusted code never runs as uid 0")
    memory = memory_mb * _MIB + _preloaded
    limits = {
        resource.RLIMIT_AS: (memory, memory + MEMORY_RESERVE),
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_FSIZE: (FILE_BYTES, FILE_BYTES),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
        resource.RLIMIT_NPROC: (processes, processes),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
    }
    for which in _unknown:
        del limits[which]
    try:
        for which, (soft, hard) in limits.items():
            ceiling = resource.getrlimit(which)[1]
            if ceiling != resource.RLIM_INFINITY:
                soft, hard = min(soft, ceiling), min(hard, ceiling)
            resource.setrlimit(which, (soft, hard))
    except (OSError, ValueError) as error:
        raise ConfinementError(f"cannot set a resource limit: {error}") from error
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
