def f(x):
    for number in range(400): open(f"/tmp/{number}", "w").close()
    return x * x
