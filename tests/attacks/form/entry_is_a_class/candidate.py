class f(int):
    def __new__(cls, x):
        return int.__new__(cls, x * x)
