import unittest
def f(x):
    raise KeyboardInterrupt
