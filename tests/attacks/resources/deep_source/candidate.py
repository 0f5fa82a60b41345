def f(x):
    return @MINUS@1
