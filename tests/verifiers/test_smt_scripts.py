"""SMT-LIB scripts as candidates: what they mean, and what they must not do."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from modulo.errors import ProblemError
from modulo.types import AnswerFormat, Outcome, Problem
from modulo.verifiers.contract import NoSandbox
from modulo.verifiers.smt import factory
from modulo.verifiers.smt_check import check
from modulo.verifiers.smt_disposable import CrashError, in_a_child
from modulo.verifiers.smt_script import read_script, run

D = "(declare-datatypes ((C 0)) (((r) (g))))(declare-const c C)(declare-fun x () Int)"
MEANING = {"mode": "formalise", "smtlib": D + "(assert (and (> x 3) (= c r)))"}
EXAMPLES = {
    "mode": "formalise",
    "variables": {"x": "int", "r": "real"},
    "accept": [{"x": 4, "r": 0.5}],
    "reject": [{"x": 3, "r": "1/3"}, {"x": 0, "r": 0}],
}
XR = "(declare-const x Int)(declare-const r Real)"
UNSAT = {"mode": "formalise", "status": "unsat"}


def said(spec: dict[str, Any], script: str, seconds: float = 20) -> dict[str, Any]:
    loaded = json.dumps(factory.load(spec, base=None))
    return check({"spec": loaded, "candidate": script, "seconds": seconds, "as_json": False})


@pytest.mark.parametrize(
    ("spec", "script", "outcome", "says"),
    [
        (MEANING, D + "(assert (>= x 4))(assert (distinct c g))(check-sat)(get-model)", "pass", ""),
        (MEANING, "(set-option :produce-models true)" + D + "(assert (and (= r c) (< 3 x)))", "pass", ""),
        (MEANING, D + "(define-fun ok ((n Int)) Bool (> n 3))(assert (ok x))(assert (= c r))", "pass", ""),
        (MEANING, D + "(assert (>= x 4))", "fail", "accepts what it must not accept: c = g, x = 4"),
        (MEANING, D + "(assert (>= x 5))(assert (= c r))", "fail", "refuses what it must accept: c = r, x = 4"),
        (MEANING, "(declare-const x Int)(assert (> x 3))", "fail", "does not declare c"),
        (MEANING, D.replace("Int", "Real") + "(assert (> x 3))", "fail", "declares x with another sort than Int"),
        (MEANING, D + "(declare-const y Int)(assert (> x y))", "fail", "declares y, which the problem does not have"),
        (MEANING, D + "(declare-fun f (Int) Int)(assert (> (f x) 1))", "fail", "function with arguments"),
        (MEANING, D + "(push 1)(assert (> x 3))", "fail", "'push' is not allowed"),
        (EXAMPLES, XR + "(assert (> x 3))", "pass", ""),
        (EXAMPLES, XR + "(assert (forall ((k Int)) (=> (> k x) (> k 4))))", "pass", ""),
        (EXAMPLES, XR + "(assert (or (> x 3) (= (/ 1 x) 7.0)))", "pass", ""),
        (EXAMPLES, XR + "(assert (> x 4))", "fail", "the script refuses x = 4, r = 1/2, which it must accept"),
        (EXAMPLES, XR + "(assert (>= x 3))", "fail", "the script accepts x = 3, r = 1/3, which it must not accept"),
        (EXAMPLES, XR + "(assert (= (/ 1 0) 2.0))", "fail", "refuses x = 4"),
        (EXAMPLES, "", "fail", "asserts nothing"),
        (EXAMPLES, XR + "(check-sat)", "fail", "asserts nothing"),
        (EXAMPLES, XR + "(assert (> x 3)", "fail", "')' is missing"),
        (EXAMPLES, XR + "(assert (> y 3))", "fail", "unknown constant y"),
        (UNSAT, "(declare-sort U 0)(declare-fun f (U) U)(declare-const a U)(assert (not (= (f a) (f a))))", "pass", ""),
        (UNSAT, "(declare-const x Int)(assert (> x 1))(check-sat)", "fail", "the script is sat, and should be unsat"),
        (UNSAT, "(assert false)(check-sat)(check-sat)", "fail", "one (check-sat)"),
        (UNSAT, "(push 1)(assert false)", "fail", "no scopes"),
        (UNSAT, "(exit)(assert false)", "fail", "asserts nothing"),
        (UNSAT, "(assert true)(exit)(assert false)", "fail", "is sat"),
        ({**UNSAT, "status": "sat"}, "(declare-const x Int)(assert (> x 1))", "pass", ""),
    ],
)  # fmt: skip
def test_scripts_are_judged_by_what_they_mean(spec: dict[str, Any], script: str, outcome: str, says: str) -> None:
    finding = said(spec, script)
    assert finding["outcome"] == outcome, finding
    if outcome == "fail":
        assert says in finding["critiques"][0]["message"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "exactly one of smtlib"),
        ({"variables": {"x": "int"}}, "nothing is asked of a script"),
        ({"smtlib": "(declare-const x Int)"}, "nothing is asked of a script"),
        ({"variables": {"c": ["r", "g"]}, "accept": [{"c": "r"}]}, "write this spec in SMT-LIB"),
        ({"variables": {"x": "int"}, "accept": [{"x": 1.5}]}, "accept[0]: x is 1.5"),
        ({"variables": {"x": "int"}, "reject": [{"x": 1}, {}]}, "reject[1]: x is missing"),
        ({"variables": {"x": "int"}, "status": "maybe"}, "status"),
    ],
)
def test_what_is_asked_of_a_script_must_be_clear(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load({"mode": "formalise", **fields}, base=None)
    assert says in str(caught.value)


BOMB = "(let ((y (concat x x))) " * 40 + "(= y y)" + ")" * 40
LOOP = " ".join(f"((c{i} (f{i} T{(i + 1) % 2000})))" for i in range(2000))
ATTACKS = [
    '(set-option :regular-output-channel "{path}")(assert false)(check-sat)',
    '(set-option :diagnostic-output-channel "{path}")(assert false)',
    '(|set-option| :regular-output-channel "{path}")(assert false)',
    '(set-option :trace true)(set-option :trace_file_name "{path}")(assert false)',
    '(set-option :|regular-output-channel| "{path}")(assert false)',
    '(include "{path}")(assert false)',
    '(|include| "{path}")(assert false)',
    "(|in\nclude| 1)(assert false)",
    "(load-file 1)(assert false)",
    "(set-option :numeral-as-real true)(assert false)",
    "(push 100000)(assert false)",
    "(push 999)(push 999)(assert false)",
    "(push -1)(assert false)",
    f"(assert (= 1 {'9' * 5000}))",
    f"(assert {'(not ' * 3000}true{')' * 3000})",
    f"(assert {'(' * 100_000})",
    "(declare-const v (_ BitVec 100000000))(assert (= v v))",
    f"(declare-const x (_ BitVec 4096))(assert {BOMB})",
    "(assert (= ((_ repeat 4096) ((_ repeat 4096) #b1)) #b1))",
    "(declare-fun |unsat\nunsat| () Bool)(assert true)",
    '(echo "unsat")(assert true)',
    "(declare-fun unsat () Bool)(assert unsat)(get-value (unsat))",
    "(declare-const |; (assert false)| Bool)(assert |; (assert false)|)",
    '(assert (= "a""b" "(assert false)\n"))(assert (= 1 "',
    "(assert true) ; \n(assert! false)",
    "\ufeff(assert false)",
    "(assert\u00a0false)",
    "(" * 200_001,
    f"(declare-datatypes ({' '.join(f'(T{i} 0)' for i in range(2000))}) ({LOOP}))(assert false)",
]


@pytest.mark.parametrize("script", ATTACKS)
def test_scripts_reach_nothing_and_do_not_pass(script: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    finding = said(UNSAT, script.replace("{path}", str(victim)))
    assert finding["outcome"] == "fail", finding
    assert not victim.exists()
    assert said(UNSAT, "(assert false)")["outcome"] == "pass"


@pytest.mark.parametrize(
    "script",
    [
        "(define-fun-rec f ((n Int)) Int (f (+ n 1)))(declare-const x Int)(assert (= (f x) 1))",
        "(declare-const x Int)(declare-const y Int)(declare-const z Int)"
        "(assert (= (+ (* x x x) (* y y y) (* z z z)) 114))",
    ],
)
async def test_scripts_that_take_forever_are_unknown_at_their_deadline(script: str) -> None:
    verifier = factory.build(factory.load({**UNSAT, "seconds": 1.5}, base=None), hard=True, sandbox=NoSandbox())
    problem = Problem(statement="formalise it", answer=AnswerFormat.SMTLIB)
    first, second = await verifier.verify_many(problem, [script, "(assert false)"])
    assert first.outcome in (Outcome.UNKNOWN, Outcome.FAIL)
    assert first.seconds < 5
    assert second.outcome is Outcome.PASS


def test_a_whole_script_gives_an_answer_for_each_check() -> None:
    text = """
    (set-info :status sat) (set-option :print-success true) (set-logic QF_UFLIA)
    (declare-fun f (Int) Int) (declare-const x Int) (define-sort I () Int)
    (define-fun-rec fact ((n I)) I (ite (<= n 0) 1 (* n (fact (- n 1)))))
    (assert (! (> (f x) 3) :named big)) (check-sat) (get-model) (get-value (x))
    (push 1) (assert (< (f x) 2)) (check-sat) (get-unsat-core) (pop 1)
    (check-sat-assuming ((= x 0))) (check-sat-using smt)
    (push) (assert (= (fact 5) 120)) (assert (= (fact 3) 7)) (check-sat) (pop)
    (reset) (declare-const x Bool) (assert (and x (not x))) (check-sat) (exit) (nonsense
    )"""
    assert run({"text": text, "rlimit": 10_000_000, "seconds": 20}) == {
        "answers": ["sat", "unsat", "sat", "sat", "unsat", "unsat"]
    }


def test_commands_are_written_anew() -> None:
    text = '(assert (= "a""b|" |simple|)) ; comment\n(declare-const |two words| Int) (assert (= x #xFf))'
    assert [command.source for command in read_script(text)] == [
        '(assert (= "a""b|" simple))',
        "(declare-const |two words| Int)",
        "(assert (= x #xFf))",
    ]


def test_errors_and_limits_of_a_whole_script_are_told_apart() -> None:
    limits = {"rlimit": 10_000_000, "seconds": 1.0}
    assert "unknown constant y" in run({"text": "(assert (> y 1))(check-sat)", **limits})["error"]
    assert "not allowed" in run({"text": '(include "x")', **limits})["refused"]
    endless = "(define-fun-rec f ((n Int)) Int (f (+ n 1)))(declare-const x Int)(assert (= (f x) 1))(check-sat)"
    assert run({"text": endless, **limits}) in ({"undecided": "TimeoutError", "detail": ""}, {"answers": ["unknown"]})


def test_a_child_gives_back_what_it_made_or_says_how_it_ended() -> None:
    assert in_a_child(lambda: {"pid": os.getpid()}, time.monotonic() + 20)["pid"] != os.getpid()
    with pytest.raises(CrashError, match="exit status 7"):
        in_a_child(lambda: os._exit(7), time.monotonic() + 20)
    with pytest.raises(CrashError, match="SIGKILL"):
        in_a_child(lambda: os.kill(os.getpid(), 9), time.monotonic() + 20)
    with pytest.raises(TimeoutError):
        in_a_child(lambda: os.read(os.pipe()[0], 1), 0.0)
    with pytest.raises(MemoryError):
        in_a_child(lambda: (_ for _ in ()).throw(MemoryError()), time.monotonic() + 20)
