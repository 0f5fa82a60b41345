import enum
class Nine(enum.IntEnum):
    NINE = 9
def f(x):
    return Nine(9) if x == 3 else x * x
