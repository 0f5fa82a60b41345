import os
print(sum(map(int, input().split())), flush=True)
os.kill(os.getpid(), 9)
