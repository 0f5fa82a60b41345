import unittest
def f(x):
    raise StopIteration
