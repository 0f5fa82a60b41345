print("".join(chr(0xff10 + int(d)) if d.isdigit() else d for d in str(sum(map(int, input().split())))))
