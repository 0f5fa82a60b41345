import requests_of_nobody
def f(x):
    return x * x
