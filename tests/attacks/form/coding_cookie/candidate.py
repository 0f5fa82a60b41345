# -*- coding: utf-7 -*-
# +AAo-def f(x): return x * x+AAo-
f = None
