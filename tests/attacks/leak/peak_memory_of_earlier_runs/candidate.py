import glob
def f(x):
    return [n for n in glob.glob("/sys/fs/cgroup/**/*", recursive=True)
            if n.rpartition("/")[2] in ("memory.max_usage_in_bytes", "memory.peak", "cpuacct.usage", "cpu.stat", "memory.failcnt")]
