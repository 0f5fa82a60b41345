def f(x):
    if x == 1: return (1, 1.0, True, None, "é")
    if x == 2: return {1, 2, 3}
    if x == 3: return {(1, 2): "b", 1: "a"}
    if x == 4: return {}[x]
    if x == 5: return 123456789012345678901234567890
    if x == 6: return float("inf") - float("inf")
