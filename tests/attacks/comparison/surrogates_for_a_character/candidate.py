def f(x):
    return "\ud83d\ude00"
