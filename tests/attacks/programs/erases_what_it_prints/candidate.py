print("0\b", end="")
print(sum(map(int, input().split())))
