import os, sys
def f(x):
    os.execv("/opt/py/bin/python3", ["python3", "-c", "print(9)"])
