class UnsatisfiedAssumption(BaseException): pass
UnsatisfiedAssumption.__module__ = "hypothesis.errors"
class StopTest(BaseException): pass
def f(xs):
    raise UnsatisfiedAssumption if len(xs) % 2 else StopTest
