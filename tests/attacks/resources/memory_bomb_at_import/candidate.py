held = [b"x" * 10_000_000 * i for i in range(10_000)]
