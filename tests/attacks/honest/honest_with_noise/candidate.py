import sys, threading
print("loading")
cache = {}
def f(x):
    print("called", x, file=sys.stderr)
    thread = threading.Thread(target=cache.setdefault, args=[x, x * x])
    thread.start()
    thread.join()
    return cache[x]
if __name__ == "__main__":
    raise SystemExit(f(2))
