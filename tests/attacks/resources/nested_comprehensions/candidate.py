def f(x):
    return sum(1 for a in range(1000) for b in range(1000) for c in range(1000)) and [[0] * 10_000 for _ in range(10_000)]
