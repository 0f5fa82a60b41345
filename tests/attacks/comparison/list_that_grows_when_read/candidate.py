class Growing(list):
    def __len__(self): return 2
    def __getitem__(self, i): return i
    def __iter__(self): return iter(range(2))
def f(x):
    return Growing()
