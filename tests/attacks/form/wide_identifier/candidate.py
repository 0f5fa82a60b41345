def ｆ(x):
    return 9
