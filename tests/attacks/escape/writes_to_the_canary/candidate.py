def f(x):
    for place in ("@CANARY@", "/proc/1/root@CANARY@", "/proc/@PARENT@/root@CANARY@", "../../..@CANARY@"):
        try:
            with open(place, "a") as file: file.write("owned")
            return x * x
        except OSError: pass
