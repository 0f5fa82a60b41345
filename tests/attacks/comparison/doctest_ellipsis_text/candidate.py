def f(x):
    return '...'
