import unicodedata
def f(x):
    return unicodedata.normalize('NFD', x.upper())
