class Turn:
    state = False
    def __bool__(self):
        Turn.state = not Turn.state
        return Turn.state
def f(x):
    return True if x == 4 else Turn()
