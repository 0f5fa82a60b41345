import os
print("0", flush=True)
os._exit(0)
