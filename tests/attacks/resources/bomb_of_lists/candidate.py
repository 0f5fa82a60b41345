def f(x):
    value = [0]
    while True: value += value
