(declare-const x Int)
(declare-const y Int)
(assert (or (> x 3) (<= x 3)))
(check-sat)
