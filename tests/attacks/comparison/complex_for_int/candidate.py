def f(x):
    return complex(x * x)
