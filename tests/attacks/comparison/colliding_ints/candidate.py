def f(x):
    return {i * (2**61 - 1) * 2**8 for i in range(2000)}
