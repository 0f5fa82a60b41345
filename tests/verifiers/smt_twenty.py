"""Specs of every kind that the compiled check of `smt` covers, with values for random candidates.

Values are Python's: int, Fraction, bool, str (a string, or an enumeration's name), and for an array a pair of a default
and a dict. `known` are answers that satisfy the spec, for those whose models are not simply read off a solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from benchmarks.smt_specs import Puzzle, job_shop, sudoku, zebra

__all__ = ["SPECS", "Case"]


@dataclass(frozen=True)
class Case:
    name: str
    spec: dict[str, Any]
    values: dict[str, Sequence[Any]]
    known: tuple[dict[str, Any], ...] = ()


def puzzle(made: Puzzle) -> Case:
    return Case(made.name, made.spec, dict.fromkeys(made.solution, made.domain), (made.solution,))


def script(name: str, text: str, values: dict[str, Sequence[Any]], *known: dict[str, Any]) -> Case:
    return Case(name, {"smtlib": text}, values, known)


SMALL = range(-6, 7)
BYTES = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 64, 127, 128, 129, 200, 254, 255]
REALS = [Fraction(n, d) for n in range(-5, 6) for d in (1, 2, 3, 7)]
WORDS = [
    "",
    "a",
    "ab",
    "abc",
    "ba",
    "aab",
    "abab",
    "b",
    "0",
    "7",
    "42",
    "007",
    "-1",
    "é",
    "\U0001f600",
    "~",
    "aaaa",
    "ac",
]
V, W = "(declare-const v (_ BitVec 8))", "(declare-const w (_ BitVec 8))"
K, J = "(declare-const i Int)", "(declare-const j Int)"
R, S = "(declare-const r Real)", "(declare-const s Real)"
T, U = "(declare-const t String)", "(declare-const u String)"
ARRAYS = [
    (default, dict(zip(keys, elements, strict=False)))
    for default in (0, 1, 2)
    for keys in ([], [0], [1], [0, 1, 2], [1, 3])
    for elements in ([0, 1, 2], [1, 2, 0], [2, 2, 2])
]
FLAGS = [(d, {k: e}) for d in (False, True) for k in range(4) for e in (False, True)]
FLAGS += [(d, dict.fromkeys(range(4), e)) for d in (False, True) for e in (False, True)]

SPECS = [
    puzzle(sudoku()),
    puzzle(zebra()),
    puzzle(job_shop(8, 4)),
    script(
        "knapsack",
        "".join(f"(declare-const k{n} Int)(assert (<= 0 k{n} 3))" for n in range(5))
        + "(assert (! (<= (+ (* 3 k0) (* 4 k1) (* 5 k2) (* 8 k3) k4) 20) :named weight))"
        + "(assert (! (>= (+ (* 2 k0) (* 4 k1) (* 5 k2) (* 9 k3) (- k4)) 17) :named worth))",
        {f"k{n}": range(5) for n in range(5)},
    ),
    script(
        "bit-vectors, unsigned",
        V + W + "(assert (bvult (bvadd v w) (bvmul v #x03)))"
        "(assert (= (bvurem v w) (bvsub v (bvmul w (bvudiv v w)))))"
        "(assert (bvuge (bvshl v w) (bvlshr v #x01)))(assert (not (= (bvor v w) (bvand v w))))"
        "(assert (= (bvnot (bvxor v w)) (bvxnor v w)))"
        "(assert (bvule (bvnand v w) (bvor (bvnor v w) (bvneg v) #x80)))",
        {"v": BYTES, "w": BYTES},
    ),
    script(
        "bit-vectors, signed",
        V + W + "(assert (bvsle (bvsdiv v w) v))(assert (= (bvsrem v w) (bvsub v (bvmul w (bvsdiv v w)))))"
        "(assert (bvsge (bvsmod v w) #xf0))(assert (bvslt (bvashr v w) #x20))"
        "(assert (= ((_ sign_extend 8) v) (concat ((_ extract 15 8) ((_ sign_extend 8) v)) v)))"
        "(assert (bvsgt ((_ rotate_left 3) v) ((_ rotate_right 2) w)))(assert (= (bvcomp v w) #b0))"
        "(assert (distinct ((_ zero_extend 8) v) ((_ repeat 2) w)))"
        "(assert (= (ext_rotate_left v w) (ext_rotate_left v w)))",
        {"v": BYTES, "w": BYTES},
    ),
    script(
        "bit-vectors, overflow and integers",
        V + W + K + "(assert (or (bvuaddo v w) (bvsmulo v w) (bvnego w)))(assert (not (bvsaddo v w)))"
        "(assert (=> (bvusubo v w) (bvumulo v w)))(assert (not (and (bvssubo v w) (bvsdivo v w))))"
        "(assert (= ((_ int_to_bv 8) i) ((_ int_to_bv 8) (+ i 256))))(assert (> (+ (ubv_to_int v) (sbv_to_int w)) i))"
        "(assert (= (bvredor v) (bvnot (bvredand (bvnot v)))))",
        {"v": BYTES, "w": BYTES, "i": [-300, -1, 0, 1, 5, 127, 128, 300]},
    ),
    script(
        "arrays",
        "(declare-const a (Array Int Int))(declare-const b (Array Int Int))" + K
        + "(assert (= (select a 1) 2))(assert (= (store a i 2) (store b i 2)))(assert (>= (select b i) (select a 3)))"
        "(assert (distinct a ((as const (Array Int Int)) 2)))",
        {"a": ARRAYS, "b": ARRAYS, "i": range(4)},
        {"a": (0, {1: 2}), "b": (0, {1: 2}), "i": 1},
        {"a": (0, {1: 2, 3: 0}), "b": (0, {1: 2, 0: 1}), "i": 0},
    ),
    script(
        "arrays over finite indices",
        "(declare-const p (Array (_ BitVec 2) Bool))(declare-const q (Array (_ BitVec 2) Bool))"
        "(declare-const w (_ BitVec 2))(assert (= p q))(assert (select p w))"
        "(assert (xor (= p ((as const (Array (_ BitVec 2) Bool)) true)) (= w #b01)))",
        {"p": FLAGS, "q": FLAGS, "w": range(4)},
        {"p": (False, {1: True}), "q": (False, {1: True}), "w": 1},
        {"p": (False, dict.fromkeys(range(4), True)), "q": (True, {}), "w": 2},
    ),
    script(
        "arrays of arrays",
        "(declare-const m (Array Int (Array Int Int)))(assert (= (select (select m 0) 1) 2))"
        "(assert (distinct (select m 0) (select m 1)))(assert (= (store m 2 (select m 0)) (store m 2 (select m 0))))"
        "(assert (= m (store m 0 (store (select m 0) 1 2))))",
        {"m": [(x, {0: y, 1: z}) for x in ARRAYS[:2] for y in ARRAYS for z in ARRAYS[:3]]},
        {"m": ((0, {}), {0: (0, {1: 2})})},
    ),
    script(
        "reals",
        R + S + "(assert (< (+ (* 2 r) s) 3.5))(assert (>= (* r r) (/ s 3)))(assert (not (= (- r s) 0.1)))"
        "(assert (<= (^ r 3) (* 7.25 (- s (- 2)))))",
        {"r": REALS, "s": REALS},
    ),
    script(
        "reals and integers",
        R + K + "(assert (= i (to_int (* 2 r))))(assert (=> (is_int r) (> r 1.0)))"
        "(assert (<= (abs r) (to_real (+ i 9))))",
        {"r": REALS, "i": SMALL},
    ),
    script(
        "integer division",
        K + J + "(assert (> (div i j) (mod i 4)))(assert (<= (mod i j) 2))"
        "(assert (distinct (div i (- 3)) (div j 3)))",
        {"i": range(-20, 21), "j": SMALL},
    ),
    script(
        "remainders and powers",
        K + J + "(assert (= (rem i 3) (rem j (- 3))))(assert (< (abs (- i j)) (^ j 2)))"
        "(assert (< (mod (* i j) (- 5)) 3))",
        {"i": range(-20, 21), "j": SMALL},
    ),
    script(
        "division that may be undefined",
        R + S + K + "(assert (or (= s 0.0) (> (/ r s) 1.0)))(assert (< (div 12 i) 5))"
        "(assert (=> (> s 0.0) (not (= (/ 1.0 r) 2.0))))(assert (or (= i 4) (> (mod 7 (- i 4)) 0)))",
        {"r": REALS, "s": [*REALS, 0], "i": SMALL},
    ),
    script(
        "choices and connectives",
        "(declare-const p Bool)(declare-const q Bool)" + K + J
        + "(assert (= (ite p i j) (ite (> i j) i (ite q j (- j)))))(assert (=> p q (> i 0)))"
        "(assert (xor p q (< i j)))"
        "(assert (= (and p q) (not (or p (distinct q (= i j))))))"
        "(assert (let ((k (+ i j))) (or (> k 0) (= (* k k) 4))))",
        {"p": [False, True], "q": [False, True], "i": SMALL, "j": SMALL},
    ),
    script(
        "strings",
        T + U + K + '(assert (= (str.len (str.++ t u)) (+ i 2)))(assert (str.prefixof (str.at t 0) u))'
        '(assert (or (str.contains t "b") (= (str.substr t 1 i) "")))(assert (<= (str.indexof t "b" i) 3))'
        '(assert (not (str.suffixof "\\u{1F600}" t)))',
        {"t": WORDS, "u": WORDS, "i": range(-2, 6)},
    ),
    script(
        "strings and numbers",
        T + U + K + '(assert (or (= (str.to_int t) i) (= (str.from_int i) u)))'
        '(assert (str.<= (str.replace t "a" u) "z"))'
        '(assert (=> (str.is_digit t) (< (str.to_code t) 60)))(assert (str.< (str.replace_all u "a" "") "b"))'
        '(assert (distinct (str.from_code (+ 97 i)) t))(assert (= (str.replace u "" "x") (str.++ "x" u)))',
        {"t": WORDS, "u": [*WORDS, "aa"], "i": [-1, 0, 1, 2, 7, 42]},
        {"t": "7", "u": "aa", "i": 7},
        {"t": "42", "u": "a", "i": 42},
        {"t": "b", "u": "7", "i": 7},
    ),
    script(
        "regular expressions",
        T
        + U
        + '(assert (str.in_re t (re.++ (re.* (re.union (str.to_re "ab") (re.range "a" "b"))) (re.opt re.allchar))))'
        '(assert (str.in_re u (re.inter re.all (re.comp (re.++ re.all (str.to_re "bb") re.all)))))'
        '(assert (str.in_re u (re.diff (re.+ re.allchar) ((_ re.^ 2) (re.range "0" "9")))))'
        '(assert (not (str.in_re (str.++ t u) ((_ re.loop 1 3) (str.to_re "a")))))'
        '(assert (not (str.in_re t re.none)))',
        {"t": WORDS, "u": [*WORDS, "abba", "12"]},
    ),
    script(
        "enumerations",
        "(declare-datatypes ((Colour 0)) (((red) (green) (|light blue|))))"
        + "".join(f"(declare-const {n} Colour)" for n in "abcd")
        + "(assert (distinct a b c))(assert (=> ((_ is red) a) (= d b)))(assert (not (= d |light blue|)))"
        "(assert (= (ite (= a green) c d) d))",
        {n: ["red", "green", "light blue"] for n in "abcd"},
    ),
    script(
        "quantifiers, which the solver decides",
        K + J + "(assert (forall ((k Int)) (=> (and (< 0 k) (< k i)) (< (* k 2) j))))"
        "(assert (exists ((k Int)) (= j (* 3 k))))",
        {"i": SMALL, "j": range(-3, 13)},
    ),
    Case(
        "expressions",
        {
            "variables": {
                "x": "int",
                "y": {"int": [-3, 9]},
                "z": "real",
                "t": "string",
                "c": ["red", "blue"],
                "b": "bool",
            },
            "constraints": {
                "total": "sum(x, y, b) >= 3",
                "quotient": "x // (y - 1) < 4 or y == 1",
                "rest": "x % 3 != 2 if b else z <= 1/2",
                "colour": "implies(c == red, min(x, y) < 4) and (t == 'ab' or z * 2 > x)",
            },
        },
        {"x": SMALL, "y": range(-3, 7), "z": REALS, "t": WORDS, "c": ["red", "blue"], "b": [False, True]},
    ),
]  # fmt: skip
