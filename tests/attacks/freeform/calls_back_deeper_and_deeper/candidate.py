def f(call):
    class Echo:
        def __eq__(self, other): return call(Echo())
        def __repr__(self): return str(call(Echo()))
    call(Echo())
    f(call)
