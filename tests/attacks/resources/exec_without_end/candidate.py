import os, sys
def f(x):
    os.execv("/opt/py/bin/python3", ["python3", "-c", "import os; os.execv('/opt/py/bin/python3', ['python3', '-c', 'while 1: pass'])"])
