class Meta(type): pass
class Endless:
    def __iter__(self):
        while True: yield Meta("C" * 70, (), {"__add__": None})()
def f(x):
    return list(zip(range(20_000), Endless()))
