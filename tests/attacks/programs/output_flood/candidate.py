while True: print("9" * 10_000)
