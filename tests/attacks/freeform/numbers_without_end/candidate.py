def numbers(x):
    number = 0
    while True:
        yield number
        number += 1
