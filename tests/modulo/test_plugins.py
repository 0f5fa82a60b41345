"""Names to parts: the built-in ones, and an extension package that is really installed."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from modulo import Problem, solve, verify
from modulo.errors import ModelStringError, ProblemError, UsageError
from modulo.plugins import (
    _group,
    as_factory,
    open_model,
    strategy_builder,
    strategy_names,
    verifier_factory,
    verifier_names,
)
from modulo.problems import load_problems, parse_problem
from modulo.protocols import Generator, Verifier
from modulo.types import Message, Sampling, accepted

CODE = '''
from pydantic import BaseModel, ConfigDict, Field

from modulo import Completion, fail, ok, verifier
from modulo.graphs.best_of_n import build


class AtMost(BaseModel):
    model_config = ConfigDict(extra="forbid")
    words: int = Field(ge=1)


@verifier(guarantee="proof", spec=AtMost)
def at_most(problem, candidate, spec):
    """No more words than that."""
    count = len(candidate.split())
    return ok() if count <= spec.words else fail(f"{count} words, at most {spec.words}")


@verifier(guarantee="proof")
def polite(problem, candidate):
    """Says please."""
    return ok() if "please" in candidate else fail("say please")


class Parrot:
    name = "parrot"

    def __init__(self, rest="please help"):
        self.rest = rest

    async def generate(self, messages, *, n, sampling):
        for index in range(n):
            yield Completion(text=self.rest, index=index)

    async def aclose(self):
        pass


class NotOne:
    name = "lacks generate"


ready = Parrot("ready please")


def build_plainly(bound, *, checkpointer=None, name=None):
    return build(bound, checkpointer=checkpointer, name=name or "plainly")
'''
ENTRY_POINTS = """
[modulo.verifiers]
at_most = modulo_polite:at_most
polite = modulo_polite:polite

[modulo.models]
parrot = modulo_polite:Parrot

[modulo.strategies]
plainly = modulo_polite:build_plainly
"""


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with metadata and entry points, as pip leaves one."""
    info = tmp_path / "modulo_polite-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modulo-polite\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "modulo_polite.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    _group.cache_clear()
    assert metadata.version("modulo-polite") == "1.0"
    yield
    sys.modules.pop("modulo_polite", None)
    _group.cache_clear()


def test_the_built_in_parts_come_by_entry_points() -> None:
    names = ["all_of", "any_of", "judge", "lint", "math", "plan", "schema", "smt", "tests", "weighted"]
    assert set(names) <= set(verifier_names())
    assert {"best_of_n", "critique_retry"} <= set(strategy_names())
    for name in names:
        assert verifier_factory(name).name == name
    for name in ("best_of_n", "critique_retry"):
        assert callable(strategy_builder(name))


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(
        ProblemError, match=r"no verifier is called 'nope'; installed are .*math, plan, schema, smt, tests, weighted"
    ):
        verifier_factory("nope")
    with pytest.raises(UsageError, match=r"no strategy is called 'nope'; installed are best_of_n, critique_retry"):
        strategy_builder("nope")
    with pytest.raises(ModelStringError, match=r"starts with none of .*local, openai, replay, scripted, vllm"):
        open_model("nope")


@pytest.mark.usefixtures("extension")
def test_an_installed_verifier_is_named_in_a_problem_file(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("statement: Ask.\nverifiers:\n  - at_most: {words: 3}\n  - polite:\n")
    (problem,) = load_problems(str(file))
    assert [s.to_mapping() for s in problem.verifiers] == [{"at_most": {"words": 3}}, {"polite": {}}]
    assert accepted(verify(problem, "help me please"))
    bad = verify(problem, "help me now at once")
    assert [(v.verifier, v.outcome.value, v.critiques[0].message) for v in bad] == [
        ("at_most", "fail", "5 words, at most 3"),
        ("polite", "fail", "say please"),
    ]


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"at_most": {"words": 0}}, "verifiers[0].at_most.words: "),
        ({"at_most": {"word": 3}}, "verifiers[0].at_most.word: no such field"),
        ({"at_most": None}, "verifiers[0].at_most.words: "),
        ({"polite": {"very": True}}, "verifiers[0].polite: takes no spec; write `polite: {}`"),
    ],
)
def test_an_installed_verifiers_spec_is_checked(spec: dict[str, object], words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_problem({"statement": "s", "verifiers": [spec]})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("extension")
def test_a_verifier_object_keeps_the_files_hard_false() -> None:
    problem = Problem.model_validate(
        {"statement": "s", "verifiers": [{"polite": {"hard": False}}, {"at_most": {"words": 9}}]}
    )
    verdicts = verify(problem, "now")
    assert [(v.verifier, v.outcome.value, v.hard) for v in verdicts] == [
        ("polite", "fail", False),
        ("at_most", "pass", True),
    ]
    assert accepted(verdicts)


@pytest.mark.usefixtures("extension")
def test_an_installed_model_and_strategy_solve() -> None:
    problem = Problem.model_validate({"statement": "Ask.", "verifiers": [{"polite": None}]})
    solution = solve(problem, model="parrot:yes please", strategy="plainly", n=2)
    assert (solution.candidate, solution.trace.model) == ("yes please", "parrot")


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize(
    ("model", "text"),
    [("parrot:hello", "hello"), ("modulo_polite:Parrot", "please help"), ("modulo_polite:ready", "ready please")],
)
def test_models_by_scheme_and_by_object(model: str, text: str) -> None:
    generator = open_model(model)
    assert isinstance(generator, Generator)

    async def first() -> str:
        stream = generator.generate([Message(role="user", content="q")], n=1, sampling=Sampling())
        try:
            return (await anext(stream)).text
        finally:
            await stream.aclose()

    assert asyncio.run(first()) == text


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("modulo_polite:Nobody", "module 'modulo_polite' has no attribute 'Nobody'"),
        ("modulo_polite:NotOne", "a generator needs name, generate(…) and aclose()"),
        ("modulo_polite:CODE", "has no attribute"),
        ("no_such_module:x", "No module named 'no_such_module'"),
        ("a/b:c", "cannot open model 'a/b:c'"),
    ],
)
def test_objects_that_are_no_models(model: str, words: str) -> None:
    with pytest.raises(ModelStringError) as caught:
        open_model(model)
    assert words in str(caught.value)


@pytest.mark.usefixtures("extension")
def test_an_installed_verifier_meets_the_protocol() -> None:
    import modulo_polite  # type: ignore[import-not-found]

    assert isinstance(modulo_polite.polite, Verifier)
    assert as_factory(modulo_polite.polite).name == "polite"
    assert as_factory(modulo_polite.polite).load(None, base=None) == {}
    assert isinstance(modulo_polite.at_most(words=3), Verifier)
    assert as_factory(modulo_polite.at_most) is modulo_polite.at_most
