from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.budget import Budget, Meter
from modulo.errors import BudgetExhaustedError
from modulo.types import Usage


def test_each_limit_ends_the_solve_by_name() -> None:
    meter = Meter(Budget(samples=2))
    meter.charge(Usage(completion_tokens=1))
    meter.check()
    meter.charge(Usage(completion_tokens=1))
    with pytest.raises(BudgetExhaustedError, match="samples"):
        meter.check()
    for budget, usage, limit in [
        (Budget(tokens=3), Usage(completion_tokens=3), "tokens"),
        (Budget(cost=0.1), Usage(cost=0.2), "cost"),
    ]:
        meter = Meter(budget)
        meter.charge(usage)
        assert meter.exhausted() == limit
    meter = Meter(Budget(verifier_seconds=1))
    meter.charge_verifier(1.5)
    assert meter.exhausted() == "verifier_seconds"
    assert Meter(Budget(wall_seconds=1e-9)).exhausted() == "wall_seconds"


def test_an_unknown_price_is_neither_free_nor_spent() -> None:
    meter = Meter(Budget(cost=1.0))
    meter.charge(Usage(cost=None))
    meter.charge(Usage(cost=0.5))
    assert meter.usage.cost is None
    assert meter.exhausted() is None


@given(st.integers(1, 100), st.lists(st.integers(0, 30), max_size=8), st.one_of(st.none(), st.integers(1, 50)))
def test_a_request_is_never_granted_more_tokens_than_are_left(limit: int, spent: list[int], wanted: int | None) -> None:
    meter = Meter(Budget(tokens=limit))
    for tokens in spent:
        if meter.exhausted():
            break
        granted = meter.clip_tokens(wanted)
        assert granted is not None
        meter.charge(Usage(completion_tokens=min(tokens, granted)))
        assert meter.usage.completion_tokens <= limit


def test_a_meter_survives_being_saved() -> None:
    meter = Meter(Budget(samples=5, wall_seconds=60))
    meter.charge(Usage(completion_tokens=4, cost=0.1))
    meter.charge_verifier(2)
    again = Meter(meter.budget, meter.save())
    assert (again.samples, again.usage, again.verifier_seconds) == (1, meter.usage, 2)
    assert again.wall_seconds >= 0
    assert again.samples_left(8) == 4
    left = again.seconds_left()
    assert left is not None
    assert 0 < left <= 60
    assert Meter(Budget()).seconds_left() is None
    assert Meter(Budget()).clip_tokens(7) == 7
