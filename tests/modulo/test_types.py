from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from modulo.types import Guarantee, Outcome, Problem, Usage, Verdict, accepted, digest, overall, weakest


def verdict(outcome: Outcome, *, hard: bool = True, guarantee: Guarantee = Guarantee.PROOF) -> Verdict:
    return Verdict(verifier="v", version="1", outcome=outcome, hard=hard, guarantee=guarantee)


@given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.booleans()), max_size=6))
def test_acceptance_needs_a_hard_verdict_and_only_hard_passes(shape: list[tuple[Outcome, bool]]) -> None:
    verdicts = [verdict(outcome, hard=hard) for outcome, hard in shape]
    hard_outcomes = [outcome for outcome, hard in shape if hard]
    assert accepted(verdicts) == (len(hard_outcomes) > 0 and set(hard_outcomes) == {Outcome.PASS})
    assert (overall(verdicts) is Outcome.PASS) == accepted(verdicts)


def test_nothing_is_accepted_without_a_verdict() -> None:
    assert not accepted([])
    assert not accepted([verdict(Outcome.PASS, hard=False)])


def test_a_fail_outranks_an_error_outranks_an_unknown() -> None:
    order = [Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS]
    for several in itertools.combinations(order, 2):
        assert overall([verdict(o) for o in reversed(several)]) is several[0]


def test_the_weakest_hard_pass_is_the_guarantee() -> None:
    proof, tests = verdict(Outcome.PASS), verdict(Outcome.PASS, guarantee=Guarantee.TESTS)
    soft = verdict(Outcome.PASS, hard=False, guarantee=Guarantee.OPINION)
    assert weakest([proof, tests, soft]) is Guarantee.TESTS
    assert weakest([soft]) is None


def test_problem_survives_its_own_json_and_hashes_by_content() -> None:
    problem = Problem.model_validate(
        {
            "statement": "s",
            "answer": "json",
            "verifiers": [{"schema": {"type": "object"}}, {"x": {"a": 1, "hard": False}}],
        }
    )
    assert Problem.model_validate(problem.to_json()) == problem
    assert Problem.model_validate_json(problem.model_dump_json()) == problem
    assert [s.hard for s in problem.verifiers] == [True, False]
    other = problem.model_copy(update={"statement": "t"})
    assert Problem.model_validate(other.to_json()).spec_hash == problem.spec_hash


@pytest.mark.parametrize(
    "bad", [{"statement": " "}, {"statement": "s", "answer": "xml"}, {"statement": "s", "verifier": []}]
)
def test_malformed_problems_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Problem.model_validate(bad)


def test_unknown_cost_stays_unknown() -> None:
    assert (Usage(cost=0.5) + Usage(cost=None)).cost is None
    assert (Usage(cost=0.5) + Usage(cost=0.25)).cost == 0.75


def test_digest_does_not_depend_on_key_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})
