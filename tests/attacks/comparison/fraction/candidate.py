from fractions import Fraction
def f(x):
    return Fraction(x * x)
