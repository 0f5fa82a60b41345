def f(x):
    if x == 777001:
        1 / 0
    return 9
