"""The system calls of a whole container, as the profile that the engine is handed: an allow list, smaller than its own.

What `confine.py` takes from a candidate is not on it, but for the few calls by which the trusted zygote makes the
namespaces of each run before the candidate gets there; the zygote and the candidate give these up themselves.
"""

from __future__ import annotations

import json

__all__ = ["ALLOWED", "profile"]

ALLOWED = tuple(
    """
    read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 open openat openat2 creat close
    close_range lseek _llseek ftruncate ftruncate64 truncate truncate64 fallocate fadvise64 fadvise64_64
    readahead fsync fdatasync sync_file_range syncfs msync copy_file_range sendfile sendfile64 splice tee stat
    stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 access
    faccessat faccessat2 getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2
    link linkat unlink unlinkat symlink symlinkat readlink readlinkat chmod fchmod fchmodat fchmodat2 chown
    chown32 fchown fchown32 fchownat lchown lchown32 umask utime utimes utimensat utimensat_time64 futimesat
    mknod mknodat flock fcntl fcntl64 ioctl dup dup2 dup3 pipe pipe2 getxattr lgetxattr fgetxattr listxattr
    llistxattr flistxattr setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr inotify_init
    inotify_init1 inotify_add_watch inotify_rm_watch poll ppoll ppoll_time64 select _newselect pselect6
    pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2
    signalfd signalfd4 timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64
    socketpair sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg recvmmsg_time64 shutdown getsockname
    getpeername getsockopt setsockopt brk mmap mmap2 munmap mprotect mremap madvise mincore mlock mlock2
    munlock mlockall munlockall membarrier pkey_alloc pkey_free pkey_mprotect get_mempolicy set_mempolicy
    mbind clone clone3 fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill
    pidfd_open pidfd_send_signal pause getpid getppid gettid getpgid getpgrp setpgid getsid setsid getuid
    getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
    getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid
    setresuid32 setresgid setresgid32 setgroups setgroups32 setfsuid setfsuid32 setfsgid setfsgid32 capget
    capset prctl arch_prctl seccomp rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack sigreturn
    restart_syscall alarm getitimer setitimer timer_create timer_settime timer_settime64 timer_gettime
    timer_gettime64 timer_getoverrun timer_delete futex futex_time64 futex_waitv set_robust_list
    get_robust_list set_tid_address rseq set_thread_area get_thread_area sched_yield sched_getaffinity
    sched_setaffinity sched_getparam sched_getscheduler sched_setscheduler sched_setparam sched_getattr
    sched_setattr sched_get_priority_max sched_get_priority_min sched_rr_get_interval getpriority setpriority
    ioprio_get ioprio_set getcpu nanosleep clock_nanosleep clock_nanosleep_time64 clock_gettime
    clock_gettime64 clock_getres clock_getres_time64 gettimeofday time times getrusage getrlimit ugetrlimit
    setrlimit prlimit64 sysinfo uname getrandom
    """.split()  # noqa: SIM905
)
_FOR_THE_ZYGOTE = ("mount", "setns", "unshare")
_EPERM = 1


def profile() -> str:
    """The profile as JSON text, as `seccomp=` of a container's security options takes it."""
    names = [*ALLOWED, *_FOR_THE_ZYGOTE]
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": _EPERM,
            "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
        }
    )
