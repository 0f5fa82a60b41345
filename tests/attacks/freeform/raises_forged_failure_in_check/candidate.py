import unittest
def f(x):
    raise type('FaultError', (Exception,), {})('passed')
