(declare-const x (_ BitVec 1000000000))
(declare-const y Int)
(assert (= x x))
(check-sat)
