"""`tests` with free-form tests: the tests run outside, and see the candidate as if it were imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.verifiers.tests_support import judge, messages

from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.errors import ProblemError
from modulo.types import Outcome

FOLDER = Path(__file__).parent / "free_form"
LIBRARY = (FOLDER / "library.txt").read_text(encoding="utf-8")
TESTS = (FOLDER / "tests.txt").read_text(encoding="utf-8")
SQUARE = "def square(x):\n    return x * x\n"
CHECK = "def check(candidate):\n    assert candidate(3) == 9\n    assert candidate(-2) == 4\n"


async def test_everything_that_a_program_may_export(sandbox: ThreadedSandbox) -> None:
    verdict = await judge(sandbox, LIBRARY, code=TESTS, call_seconds=20, total_seconds=100)
    assert verdict.outcome is Outcome.PASS, messages(verdict)
    assert verdict.evidence["kind"] == "functions"
    assert verdict.evidence["public_passed"] == verdict.evidence["public_total"]
    assert int(str(verdict.evidence["public_total"])) >= 24
    assert str(verdict.evidence["image"]).startswith("sha256:")


BREAKS = {
    "sort_in_place": ("xs.sort()", "xs[:] = sorted(xs)[::-1]", "test_mutation"),
    "a copy where the same is meant": ("return xs  # the same", "return list(xs)", "test_mutation"),
    "leaks its own list": ("return list(self.items)  # a copy", "return self.items", "test_a_stack"),
    "keeps the caller's list": ("self.items = list(items)  # a copy", "self.items = items or []", "test_a_stack"),
    "wrong code in the exception": ('"negative", 7', '"negative", 8', "test_exceptions"),
    "another exception": ('raise IndexError("empty")', 'raise KeyError("empty")', "test_a_stack"),
    "generator": ("yield i  # in order", "yield n - i", "test_generators"),
    "coroutine": ("return x * 2  # in the end", "return x * 3", "test_coroutines"),
    "property": ("abs(self.x) + abs(self.y)", "abs(self.x)", "test_a_dataclass"),
    "operator": ("self.p < other.p", "self.p > other.p", "test_comparisons_between_its_objects"),
    "calls back twice": ("cache[x] = f(x)", "cache[x] = (f(x), f(x))[0]", "test_callbacks"),
    "does not close": ('self.items.append("out")', "pass", "test_a_stack"),
    "prints another text": ('print("hello")', 'print("hallo")', "test_what_is_printed"),
}


@pytest.mark.parametrize(("old", "new", "test"), BREAKS.values(), ids=BREAKS)
async def test_a_broken_program_fails_its_test(sandbox: ThreadedSandbox, old: str, new: str, test: str) -> None:
    assert old in LIBRARY
    verdict = await judge(sandbox, LIBRARY.replace(old, new), code=TESTS, call_seconds=20, total_seconds=100)
    assert verdict.outcome is Outcome.FAIL
    assert {critique.locus for critique in verdict.critiques} == {test}


async def test_check_as_in_humaneval(sandbox: ThreadedSandbox) -> None:
    assert (await judge(sandbox, SQUARE, entry="square", code=CHECK)).outcome is Outcome.PASS
    verdict = await judge(sandbox, SQUARE.replace("x * x", "x + 6 * (x > 0)"), entry="square", code=CHECK)
    (critique,) = verdict.critiques
    assert critique.message == "check: `assert candidate(-2) == 4` fails: -2 == 4; square(-2) returned -2"
    assert critique.locus == "check"
    assert critique.counterexample == {
        "test": "check",
        "statement": "assert candidate(-2) == 4",
        "call": "square(-2)",
        "became": "returned -2",
    }


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "def square(x):\n    return x * 3\n",
            "check: `assert candidate(-2) == 4` fails: -6 == 4; square(-2) returned -6",
        ),
        (
            "def square(x):\n    return {}[x]\n",
            "check: square(3) raised KeyError: 3 on line 2: `return {}[x]`",
        ),
        (
            "def square(x):\n    while True: pass\n",
            "check: square(3) did not return in time (over call_seconds = 0.5 s)",
        ),
        (
            "import os\ndef square(x):\n    os._exit(0)\n",
            "check: square(3) ended the whole process (ended with exit code 0)",
        ),
        (
            "def square(x):\n    raise SystemExit(0)\n",
            "check: square(3) raised SystemExit: 0 on line 2: `raise SystemExit(0)`",
        ),
        ("def square(x):\n    return 'x' * 10**9\n", "check: square(3) used more than 128 MiB of memory"),
        (
            "def square(x):\n    return 'x' * 10**7\n",
            "check: square(3) returned something that cannot be checked (the value is too large)",
        ),
        ("def squar(x):\n    return x * x\n", "import: the program does not define square"),
        (
            "def square(x):\n    return x *\n",
            "the program does not compile: SyntaxError: invalid syntax on line 2: `return x *`",
        ),
        ("while True: pass\n", "loading the program did not return in time (over call_seconds = 0.5 s)"),
    ],
)
async def test_what_can_be_wrong_is_said(sandbox: ThreadedSandbox, program: str, message: str) -> None:
    spec: dict[str, Any] = {"entry": "square", "call_seconds": 0.5, "total_seconds": 5, "memory_mb": 128}
    verdict = await judge(sandbox, program, code=CHECK, **spec)
    assert verdict.outcome is Outcome.FAIL
    assert messages(verdict) == [message]
    hidden = await judge(sandbox, program, hidden_code=CHECK, **spec)
    assert hidden.outcome is Outcome.FAIL
    if not message.startswith(("the program", "loading")):
        assert messages(hidden) == ["a hidden test fails (1 of 1 hidden tests)"]


CHEATS = """
import sys
class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __repr__(self): return "9"
    def __instancecheck__(self, other): return True
class Quiet:
    def __enter__(self): return self
    def __exit__(self, *error): return True
class Skipped(Exception): pass
Skipped.__module__ = "_pytest.outcomes"
class SkipTest(Exception): pass
SkipTest.__module__ = "unittest.case"
class UnsatisfiedAssumption(Exception): pass
def yes(*args): return Yes(9)
def in_list(*args): return [Yes(9)]
def stop(*args): raise StopIteration
def leave(*args): raise SystemExit(0)
def interrupt(*args): raise KeyboardInterrupt
def close(*args): raise GeneratorExit
def skip(*args): raise Skipped("skip")
def skip_test(*args): raise SkipTest("skip")
def assume(*args): raise UnsatisfiedAssumption
def fail(*args): raise AssertionError
def real_skip(*args):
    import unittest
    raise unittest.SkipTest("skip")
def stopped(*args):
    def inner():
        raise StopAsyncIteration
    return inner()
def nothing(*args): return None
def quiet(*args): return Quiet()
def generator(*args):
    yield from ()
"""
TRICKS = {
    "equal": "assert solution.yes() == 9",
    "not unequal": "assert not (solution.yes() != 9)",
    "in a list": "assert solution.in_list() == [9]",
    "in a set": "assert 9 in solution.in_list()",
    "true": "assert solution.yes()",
    "true, caught": "try:\n        assert solution.yes()\n    except Exception:\n        pass",
    "two alike": "assert solution.yes(1) == solution.yes(2)",
    "less": "assert solution.yes() < 10",
    "more": "assert 5 < solution.yes()",
    "an int": "assert isinstance(solution.yes(), int)",
    "approximately": "assert solution.yes() == pytest.approx(9)",
    "stop a map": "assert all(map(solution.stop, [1, 2]))",
    "stop a loop": "assert list(map(solution.stop, [1, 2])) == []",
    "leave": "solution.leave()",
    "leave, expected": "with pytest.raises(SystemExit):\n        solution.leave()",
    "leave, caught": "try:\n        solution.leave()\n    except BaseException:\n        pass",
    "interrupt": "solution.interrupt()",
    "interrupt, caught": "try:\n        solution.interrupt()\n    except BaseException:\n        pass",
    "close": "solution.close()",
    "skip": "solution.skip()",
    "skip test": "solution.skip_test()",
    "skip for real": "solution.real_skip()",
    "assume": "solution.assume()",
    "fail": "solution.fail()",
    "stop async": "solution.stopped()",
    "swallow an assertion": "with solution.quiet():\n        assert solution.nothing() == 9",
    "empty": "assert [x for x in solution.generator()] == [9]",
    "own pytest": "import candidate",
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
async def test_no_trick_passes(sandbox: ThreadedSandbox, trick: str) -> None:
    code = f"import pytest, solution\ndef test_trick():\n    {trick}\n"
    verdict = await judge(sandbox, CHEATS, code=code)
    assert verdict.outcome is Outcome.FAIL, trick
    assert verdict.evidence["public_passed"] == 0


@pytest.mark.parametrize("trick", ["yes", "stop", "skip", "assume", "leave", "real_skip", "fail", "interrupt"])
async def test_no_trick_passes_a_property(sandbox: ThreadedSandbox, trick: str) -> None:
    code = f"""
import solution
from hypothesis import given, strategies as st
@given(st.integers())
def test_it(x):
    assert solution.{trick}(x) == x
"""
    verdict = await judge(sandbox, CHEATS, code=code, examples=20)
    assert verdict.outcome is Outcome.FAIL
    prop = {"name": "p", "given": {"x": "integers()"}, "holds": "result == x"}
    verdict = await judge(sandbox, CHEATS, entry=trick, properties=[prop], examples=20)
    assert verdict.outcome is Outcome.FAIL


NO_PASS = {
    "skipped": "import pytest\n@pytest.mark.skip\ndef test_a():\n    solution.nothing()\n",
    "skips itself": "import pytest\ndef test_a():\n    solution.nothing()\n    pytest.skip('later')\n",
    "expected to fail": "import pytest\n@pytest.mark.xfail\ndef test_a():\n    assert solution.nothing()\n",
    "expected to fail, does not": "import pytest\n@pytest.mark.xfail\ndef test_a():\n    solution.nothing()\n",
    "exits pytest": "import pytest\ndef test_a():\n    solution.nothing()\n    pytest.exit('done', returncode=0)\n",
    "teardown fails": "import pytest\n@pytest.fixture\ndef f():\n    yield 1\n    assert solution.nothing()\n"
    "def test_a(f):\n    pass\n",
    "setup fails": "import pytest\n@pytest.fixture\ndef f():\n    assert solution.nothing()\n"
    "def test_a(f):\n    pass\n",
    "module fails": "import pytest\nassert solution.nothing()\ndef test_a(): pass\n",
    "subtest fails": "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self):\n"
    "        with self.subTest(1):\n            self.assertEqual(solution.nothing(), 3)\n",
    "unittest skips": "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self):\n"
    "        solution.nothing()\n        self.skipTest('x')\n",
}


@pytest.mark.parametrize("code", NO_PASS.values(), ids=NO_PASS)
async def test_only_a_test_that_ran_to_its_end_passes(sandbox: ThreadedSandbox, code: str) -> None:
    verdict = await judge(sandbox, CHEATS, code="import solution\n" + code)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.evidence["public_passed"] == 0


@pytest.mark.parametrize(
    "code",
    [
        "def test_a():\n    assert True\n",
        "import solution\ndef test_a():\n    assert solution.square\n",
        "import pytest, solution\ndef test_a():\n    pass\n",
        "def check(candidate):\n    pass\n",
    ],
)
async def test_a_test_that_asks_nothing_shows_nothing(sandbox: ThreadedSandbox, code: str) -> None:
    verdict = await judge(sandbox, SQUARE, entry="square", code=code)
    assert verdict.outcome is not Outcome.PASS
    verdict = await judge(sandbox, SQUARE, entry="square", cases=[{"args": [3], "expect": 9}], hidden_code=code)
    assert verdict.outcome is not Outcome.PASS


@pytest.mark.parametrize(
    ("assertion", "said"),
    [
        ("assert 4 < square(2) < 5", "it is False; square(2) returned 4"),
        ("assert square(2) in [1, 2], 'why'", "4 in [1, 2], why; square(2) returned 4"),
        ("assert not square(2)", "it is False; square(2) returned 4"),
        ("assert square(2) is None", "4 is None; square(2) returned 4"),
        ("xs = [square(n) for n in (1, 2)]\n    assert sum(xs) == 6", "5 == 6; square(2) returned 4"),
        ("assert all(square(n) == n for n in (1, 2))", "it is False; square(2) returned 4"),
        ("assert len([square(2)]) != 1", "1 != 1; square(2) returned 4"),
    ],
)
async def test_an_assertion_says_its_values(sandbox: ThreadedSandbox, assertion: str, said: str) -> None:
    verdict = await judge(sandbox, SQUARE, code=f"def test_a():\n    {assertion}\n")
    statement = assertion.rpartition("\n")[2].strip()
    assert messages(verdict) == [f"test_a: `{statement}` fails: {said}"]


async def test_tests_may_share_what_they_asked_for(sandbox: ThreadedSandbox) -> None:
    code = """
import pytest
from solution import square
@pytest.fixture(scope="module")
def nine():
    return square(3)
def test_a(nine):
    assert nine == 9
def test_b(nine):
    assert nine > 8
"""
    assert (await judge(sandbox, SQUARE, code=code)).outcome is Outcome.PASS


async def test_hidden_tests_tell_nothing(sandbox: ThreadedSandbox) -> None:
    hidden = "from solution import square\ndef test_swordfish():\n    assert square(777001) == 'sesame', 'xylophone'\n"
    verdict = await judge(sandbox, SQUARE, code="def test_a():\n    assert square(2) == 5\n", hidden_code=hidden)
    assert messages(verdict) == [
        "test_a: `assert square(2) == 5` fails: 4 == 5; square(2) returned 4",
        "a hidden test fails (1 of 1 hidden tests)",
    ]
    told = verdict.model_dump_json()
    assert not any(secret in told for secret in ("swordfish", "777001", "sesame", "xylophone"))


async def test_nothing_of_the_tests_is_where_the_program_is(sandbox: ThreadedSandbox) -> None:
    program = """
import gc, os, sys
def everything():
    seen = [repr(sorted(sys.modules)), repr(sys.argv), repr(dict(os.environ))]
    frame = sys._getframe()
    while frame is not None:
        seen += [repr(frame.f_locals), repr(list(frame.f_globals))]
        frame = frame.f_back
    seen += [value for value in gc.get_objects() if type(value) is str]
    return seen
def square(x):
    seen = everything()
    words = ["".join(parts) for parts in (("sword", "fish"), ("ses", "ame"), ("xylo", "phone"))]
    found = any(word in text for text in seen for word in words)
    return x * x if not found else None
"""
    hidden = (
        "import solution\ndef test_swordfish():\n    want = 'sesame'\n    assert solution.square(3) == 9, 'xylophone'\n"
    )
    verdict = await judge(sandbox, program, hidden_code=hidden, call_seconds=20)
    assert verdict.outcome is Outcome.PASS


async def test_a_function_of_the_tests_gives_nothing_away(sandbox: ThreadedSandbox) -> None:
    program = """
def call(f):
    seen = []
    for name in ("__globals__", "__code__", "__closure__", "__self__", "__class__.__init__.__globals__"):
        value = f
        try:
            for part in name.split("."):
                value = getattr(value, part)
            seen.append(repr(value))
        except AttributeError:
            pass
    return any("sesame" in text for text in seen), f(2)
def look(thing):
    out = []
    for name in ("_secret", "__dict__", "__class__", "gi_frame", "cr_frame", "f_globals"):
        try:
            out.append(repr(getattr(thing, name)))
        except AttributeError:
            pass
    return any("sesame" in text for text in out)
"""
    code = """
import solution
SECRET = "sesame"
class Thing:
    open = 1
    def __init__(self): self._secret = SECRET
def numbers():
    secret = SECRET
    yield 1
def test_a():
    want = "sesame"
    assert solution.call(lambda x: x + len(want) - len(SECRET)) == (False, 2)
    assert solution.look(Thing()) is False
    assert solution.look(numbers()) is False
"""
    verdict = await judge(sandbox, program, code=code)
    assert verdict.outcome is Outcome.PASS, messages(verdict)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import no_such_module\ndef test_a(): pass\n", "no_such_module"),
        ("def test_a(nothing): pass\n", "fixture"),
        ("import solution\ndef test_a():\n    solution.square(object())\n", "handed"),
        ("from solution import Base\nimport pytest\nclass Mine(Base): pass\ndef test_a(): pass\n", "derive"),
        ("x = 1 / 0\ndef test_a(): pass\n", "ZeroDivisionError"),
    ],
)
async def test_tests_that_cannot_be_run_are_nobodys_failure(sandbox: ThreadedSandbox, code: str, what: str) -> None:
    program = SQUARE + "class Base: pass\n"
    with pytest.raises(ProblemError, match=what) as error:
        await judge(sandbox, program, code=code)
    assert error.value.field == "code"
    with pytest.raises(ProblemError) as error:
        await judge(sandbox, program, hidden_code=code)
    assert what not in str(error.value)


async def test_the_whole_keeps_its_time(sandbox: ThreadedSandbox) -> None:
    code = "import solution\ndef test_a():\n    while True:\n        assert solution.square(3) == 9\n"
    verdict = await judge(sandbox, SQUARE, code=code, total_seconds=1)
    assert verdict.outcome is Outcome.FAIL
    assert "total_seconds" in messages(verdict)[0]
    code = "def test_a():\n    while square(3): pass\n"
    verdict = await judge(sandbox, SQUARE, code=code.replace("square(3)", "True or square(3)"), total_seconds=1)
    assert messages(verdict) == ["the tests did not end within total_seconds = 1 s"]


async def test_after_the_program_is_gone_no_test_passes(sandbox: ThreadedSandbox) -> None:
    program = "import os\ndef f(x):\n    if x == 1: os._exit(0)\n    return x\n"
    code = """
import pytest, solution
def test_a(): assert solution.f(0) == 0
def test_b():
    with pytest.raises(BaseException):
        solution.f(1)
def test_c(): assert solution.f(0) == 0
def test_d():
    try: solution.f(0)
    except BaseException: pass
"""
    verdict = await judge(sandbox, program, code=code)
    assert verdict.evidence["public_passed"] == 1
    assert [critique.locus for critique in verdict.critiques] == ["test_b", "test_c", "test_d"]


async def test_the_module_has_the_name_that_the_spec_gives(sandbox: ThreadedSandbox) -> None:
    code = "from shapes import square\nimport shapes\ndef test_a():\n    assert square(3) == 9 == shapes.square(-3)\n"
    assert (await judge(sandbox, SQUARE, code=code, module="shapes")).outcome is Outcome.PASS


async def test_a_job_leaves_nothing_to_the_next(sandbox: ThreadedSandbox) -> None:
    code = """
import builtins, solution
def test_a():
    assert not hasattr(builtins, "left")
    builtins.left = 1
    assert solution.square(2) == 4
"""
    for _ in range(3):
        assert (await judge(sandbox, SQUARE, code=code)).outcome is Outcome.PASS


async def test_all_kinds_in_one_spec(sandbox: ThreadedSandbox) -> None:
    spec: dict[str, Any] = {
        "entry": "square",
        "cases": [{"args": [3], "expect": 9}],
        "hidden": [{"args": [5], "expect": 25}],
        "code": CHECK,
        "hidden_code": "def test_a():\n    assert square(7) == 49\n",
        "properties": [{"name": "sign", "given": {"x": "integers()"}, "holds": "result >= 0"}],
        "hidden_properties": [{"name": "even", "given": {"x": "integers()"}, "holds": "result == square(-x)"}],
        "examples": 20,
    }
    verdict = await judge(sandbox, SQUARE, **spec)
    assert verdict.outcome is Outcome.PASS, messages(verdict)
    assert verdict.evidence["kind"] == "calls+functions+properties"
    assert (verdict.evidence["public_total"], verdict.evidence["hidden_total"]) == (3, 3)
    verdict = await judge(sandbox, "def square(x):\n    return x * x if x < 1000 else 0\n", **spec)
    assert verdict.outcome is Outcome.FAIL
