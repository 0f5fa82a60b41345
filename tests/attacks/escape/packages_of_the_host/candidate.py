def f(x):
    for name in ("modulo.verifiers.tests", "modulo.types", "modulo.bank", "z3", "docker", "pydantic", "pytest"):
        try:
            __import__(name)
            return x * x
        except ImportError: pass
