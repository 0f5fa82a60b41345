def f(x):
    return '\x1b[2K\x1b[1A\u202e' + 'expected'
