import sys, time
line = input()
while True:
    if sys.stdin.readline() != "": break
print(sum(map(int, line.split())))
