import types
def f(x):
    code = (lambda: 0).__code__.replace(co_code=bytes([116, 255] * 200), co_consts=(), co_names=())
    return types.FunctionType(code, {})()
