def f(x):
    return x.upper() + '\u200b'
