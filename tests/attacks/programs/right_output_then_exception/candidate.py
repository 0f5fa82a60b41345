print(sum(map(int, input().split())))
raise RuntimeError("after all")
