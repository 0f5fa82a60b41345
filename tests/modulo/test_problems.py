"""Problem files to values: forms, defaults, files beside them, and errors that name their place."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.errors import ProblemError
from modulo.problems import load_problems, parse_problem, resolve, validate_problem
from modulo.types import AnswerFormat, Problem, Spec

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "problems"
ROW = {"id": "a", "statement": "2+2?", "answer": "math", "verifiers": [{"math": {"equals": "4"}}]}


def row(**changes: Any) -> dict[str, Any]:
    return {**ROW, **changes}


def load(path: Path) -> list[Problem]:
    return list(load_problems(str(path)))


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("p.yaml", "id: a\nstatement: 2+2?\nanswer: math\nverifiers:\n  - math: {equals: 4}\n", ["a"]),
        ("p.yml", json.dumps(ROW) + "\n---\n" + json.dumps(row(id="b")), ["a", "b"]),
        ("p.json", json.dumps(ROW, indent=2), ["a"]),
        ("p.jsonl", json.dumps(ROW) + "\n\n" + json.dumps(row(id="b")) + "\n", ["a", "b"]),
        ("p.ndjson", json.dumps(ROW), ["a"]),
        ("p", json.dumps(ROW) + "\n" + json.dumps(row(id="b")), ["a", "b"]),
        ("p.txt", json.dumps(ROW), ["a"]),
        ("p.yaml", "\ufeff" + json.dumps(ROW), ["a"]),
    ],
)
def test_forms(tmp_path: Path, name: str, text: str, ids: list[str]) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    problems = load(tmp_path / name)
    assert [p.id for p in problems] == ids
    assert all(p.answer is AnswerFormat.MATH and p.verifiers[0].name == "math" for p in problems)


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(ROW).encode())))
    assert [p.id for p in load_problems("-")] == ["a"]


def test_defaults() -> None:
    problem = parse_problem({"statement": "Say hi.", "verifiers": [{"schema": {"type": "string"}}]})
    assert problem.answer is AnswerFormat.TEXT
    assert problem.id == parse_problem({"statement": "Say hi.", "verifiers": [{"math": {"equals": "1"}}]}).id
    assert problem.id.startswith("p-")
    assert problem.verifiers[0].hard


def test_a_yaml_date_or_time_is_text(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("id: 2026-01-02\nstatement: s\nverifiers:\n  - schema: {const: 2026-01-02}\n")
    (problem,) = load(tmp_path / "p.yaml")
    assert problem.id == "2026-01-02"
    assert problem.verifiers[0].spec == {"const": "2026-01-02"}


def test_hard_is_taken_out_of_the_spec() -> None:
    problem = parse_problem(row(verifiers=[{"math": {"equals": "4", "hard": False}}, {"math": {"equals": "4"}}]))
    assert [s.hard for s in problem.verifiers] == [False, True]
    assert "hard" not in str(problem.verifiers[0].spec)
    assert problem.verifiers[0].to_mapping()["math"]["hard"] is False  # type: ignore[index,call-overload]


def test_files_beside_the_problem_become_part_of_it() -> None:
    (problem,) = load(EXAMPLES / "two_blocks.yaml")
    spec: Any = problem.verifiers[0].spec
    assert spec["domain"].startswith("(define (domain blocks)")
    assert spec["problem"].startswith("(define (problem two-blocks)")
    assert resolve(problem) == problem  # nothing is read any more


def test_a_file_cannot_be_named_without_a_place() -> None:
    with pytest.raises(
        ProblemError, match=r"verifiers\[0\]\.plan\.domain: 'd\.pddl' cannot be found: this problem does"
    ):
        parse_problem(row(verifiers=[{"plan": {"domain": "d.pddl", "problem": "p.pddl"}}]))


def test_smtlib_beside_the_problem(tmp_path: Path) -> None:
    (tmp_path / "s.smt2").write_text("(declare-const x Int) (assert (> x 3))")
    (tmp_path / "p.json").write_text(json.dumps(row(answer="json", verifiers=[{"smt": {"smtlib_file": "s.smt2"}}])))
    (problem,) = load(tmp_path / "p.json")
    assert problem.verifiers[0].spec == {"smtlib": "(declare-const x Int) (assert (> x 3))"}


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda f: f.stem)
def test_resolve_is_idempotent_and_json_brings_the_same_problem_back(file: Path) -> None:
    (problem,) = load(file)
    assert resolve(problem) == problem
    again = parse_problem(json.loads(json.dumps(problem.to_json())))
    assert again == problem
    assert (again.problem_hash, again.spec_hash) == (problem.problem_hash, problem.spec_hash)


def test_hashes_say_what_changed() -> None:
    one, worded, other = (Problem.model_validate(r) for r in (ROW, row(statement="Two and two?"), row(answer="text")))
    assert one.problem_hash != worded.problem_hash
    assert one.spec_hash == worded.spec_hash
    assert one.spec_hash != other.spec_hash


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "a problem is a mapping with statement and verifiers, not empty"),
        ([ROW], "not a list (put several problems in a .jsonl file)"),
        ("text", "not text"),
        (row(statement=float("inf")), "statement: inf is not a JSON number"),
        (row(statement=b"x"), "statement: bytes is not a JSON value"),
        ({"statement": "s", 3: 4}, "top level: the key 3 is not text"),
        (row(verifiers=[{"math": {1: 2}}]), "verifiers[0].math: the key 1 is not text"),
        (row(verifiers={"math": {}}), "verifiers: is a list, one `- name: spec` a verifier"),
        (row(answer="latex"), "answer: is one of text, python, json, math, plan, smtlib, not 'latex'"),
        (row(colour="red"), "colour: is not a field of a problem; the fields are id, statement, answer, verifiers"),
    ],
)
def test_errors_of_plain_data(data: Any, words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        validate_problem(data, source="p.yaml")
    assert str(caught.value).startswith("p.yaml: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_errors_keep_field_and_source_apart() -> None:
    with pytest.raises(ProblemError) as caught:
        parse_problem(
            row(verifiers=[{"math": {"equals": "4"}}, {"tests": {"entry": "f", "cases": [{}]}}]), source="p.yaml"
        )
    assert (caught.value.source, caught.value.field) == ("p.yaml", "verifiers[1].tests.cases[0].expect")
    assert str(caught.value) == f"p.yaml: verifiers[1].tests.cases[0].expect: {caught.value.message}"


def test_problems_without_verifiers_are_for_the_python_api_alone() -> None:
    assert validate_problem({"statement": "s"}).verifiers == ()
    with pytest.raises(ProblemError, match="verifiers: give at least one"):
        parse_problem({"statement": "s"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["id", "statement", "answer", "verifiers", "tests", "math", "entry", "hard"]) | st.text(
    max_size=5
)


@given(
    st.dictionaries(
        keys, json_values | st.lists(st.dictionaries(keys, json_values, max_size=2), max_size=2), max_size=4
    )
)
def test_whatever_the_data_there_is_a_problem_or_one_line(data: dict[str, Any]) -> None:
    said = ""
    try:
        assert parse_problem(data).verifiers
    except ProblemError as error:
        said = str(error)
    assert "\n" not in said


@given(st.binary(max_size=200))
def test_whatever_the_bytes_there_is_a_problem_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "p.yaml"
    path.write_bytes(raw)
    said = f"{path}: none"
    try:
        assert load(path)
    except ProblemError as error:
        said = str(error)
    assert said.startswith(str(path))
    assert "\n" not in said


def test_specs_have_one_key() -> None:
    assert Spec.model_validate({"math": {"equals": "4"}}) == Spec(name="math", spec={"equals": "4"})
    with pytest.raises(ValueError, match="a verifier is a mapping of one key"):
        Spec.model_validate({"math": {}, "smt": {}})
