"""In the trusted worker: properties that must hold for all inputs, which hypothesis draws, and shrinks where one fails.

Derandomised, so that a verdict is the same when it is checked again, elsewhere too. The candidate is given each example
as a copy: what it does to its arguments cannot make a property hold.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import hypothesis
import platformdirs
from hypothesis import strategies
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.internal.conjecture import providers

from modulo.verifiers.tests_link import Link, TestsFaultError
from modulo.verifiers.tests_report import explained, not_run, passed
from modulo.verifiers.tests_shown import arguments, shown

__all__ = ["run_properties", "settle"]

_SHRINKING = 0.6
"""Share of the total time after which a counterexample is good enough."""


class _EnoughError(BaseException):
    """Stop looking; no `Exception`, so that hypothesis lets it through."""


def _prepare() -> None:
    """Have the table of Unicode ready, which takes seconds to make and is kept in the user's cache."""
    set_hypothesis_home_dir(Path(platformdirs.user_cache_dir("modulo"), "hypothesis"))
    strategies.text().validate()


_prepare()  # when this is imported, which is in the process that workers are forked from


def settle(examples: int) -> None:
    """Make hypothesis deterministic and bounded, for this process."""
    # It would draw constants from the source files that happen to be loaded: others in another installation.
    if hasattr(providers, "is_local_module_file"):
        setattr(providers, "is_local_module_file", lambda path: False)  # noqa: B010 - not a name that it exports
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.target, hypothesis.Phase.shrink]
    hypothesis.settings.register_profile(
        "modulo",
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        print_blob=False,
        report_multiple_bugs=False,
        phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("modulo")


def run_properties(link: Link, candidate: Any, payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Try every property, in order.

    Raises:
        TestsFaultError: a strategy or an expression is no good.
    """
    settle(payload["examples"])
    enough = time.monotonic() + payload["total_seconds"] * _SHRINKING
    entry: str = payload["entry"]
    try:
        function = getattr(candidate, entry)
    except AttributeError:
        why = f"the program does not define {entry}"
        return [{**not_run(spec["name"]), "why": why} for spec in payload["properties"]]
    return [_Property(link, function, entry, spec, enough).run() for spec in payload["properties"]]


class _Property:
    """One property of a function."""

    def __init__(self, link: Link, function: Any, entry: str, spec: dict[str, Any], enough: float) -> None:
        self._link, self._function, self._entry, self._enough = link, function, entry, enough
        self._name: str = spec["name"]
        self._holds = compile(spec["holds"], "holds", "eval")
        self._assume = compile(spec["assume"], "assume", "eval") if spec.get("assume") else None
        self._text: str = spec["holds"]
        self._given = {name: self._strategy(name, text) for name, text in spec["given"].items()}
        self._tried = 0
        self._failing: dict[str, Any] | None = None

    def _strategy(self, name: str, text: str) -> Any:
        try:
            made = eval(text, {**vars(strategies)})
        except Exception as error:  # noqa: BLE001 - whatever it is, the spec has to be mended
            raise self._broken(f"given.{name}: {type(error).__name__}: {error}") from None
        if not isinstance(made, strategies.SearchStrategy):
            raise self._broken(f"given.{name}: {text!r} is not a strategy")
        return made

    def _broken(self, reason: str) -> TestsFaultError:
        return TestsFaultError(f"{self._name}: {reason}", "properties")

    def run(self) -> dict[str, Any]:
        """Look for an example that breaks it."""
        link, faults = self._link, len(self._link.faults)
        error: BaseException | None = None
        try:
            hypothesis.seed(0)(hypothesis.given(**self._given)(lambda **values: self._try(values)))()
        except BaseException as raised:  # noqa: BLE001 - told below
            error = raised
        if link.tests_fault:
            raise self._broken(link.tests_fault)
        if self._failing is None and error is not None:
            if link.dead and not link.faults[faults:]:
                return not_run(self._name)
            raise self._broken(f"{type(error).__name__}: {error}")
        if self._failing is None:
            return {**passed(self._name), "asked": self._tried > 0, "examples": self._tried}
        return self._failing

    def _try(self, values: dict[str, Any]) -> None:
        if self._assume is not None and not self._evaluate(self._assume, values):
            hypothesis.reject()
        link, faults = self._link, len(self._link.faults)
        self._tried += 1
        try:
            args = tuple(copy.deepcopy(value) for value in values.values())
            result = self._function(*args)
            names = {**values, "result": result, "args": args, self._entry: self._function}
            if not self._evaluate(self._holds, names):
                raise AssertionError(f"result = {shown(result)}")
        except Exception as error:
            self._keep(values, error, faults)
            if time.monotonic() > self._enough:
                raise _EnoughError from None
            raise
        except BaseException as error:  # the candidate is gone: no smaller example can be tried
            self._keep(values, error, faults)
            raise
        if len(link.faults) > faults:
            raise AssertionError(link.faults[faults])

    def _evaluate(self, code: Any, names: dict[str, Any]) -> bool:
        return bool(eval(code, {**names}))

    def _keep(self, values: dict[str, Any], error: BaseException, faults: int) -> None:
        """Remember the smallest failing example so far: hypothesis shrinks, so mostly the latest."""
        report = explained(self._link, self._name, error, "", faults=faults)
        if isinstance(error, AssertionError) and len(self._link.faults) == faults:
            last = self._link.last
            said = f"{last.call} {last.became}" if last is not None else ""
            report["why"] = f"`{self._text}` does not hold: {said}"
        report["example"] = arguments((), values)
        report["counterexample"] = {"property": self._name, "given": {k: shown(v) for k, v in values.items()}}
        size = len(report["example"])
        if self._failing is None or size <= len(self._failing["example"]):
            self._failing = report
