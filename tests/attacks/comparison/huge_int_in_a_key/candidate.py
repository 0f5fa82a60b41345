def f(x):
    return {10 ** 99_999: 9}
