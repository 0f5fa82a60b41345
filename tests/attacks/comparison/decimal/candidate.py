from decimal import Decimal
def f(x):
    return Decimal(x * x)
