import unittest
def f(x):
    try:
        import pytest
        pytest.skip("not today", allow_module_level=True)
    except ImportError:
        raise unittest.SkipTest("not today")
