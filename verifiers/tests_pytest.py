"""In the trusted worker: run pytest-style tests with pytest itself, from a text that is never a file."""

from __future__ import annotations

import asyncio
import inspect
import sys
import types
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from modulo.verifiers.tests_link import Link, TestsFaultError
from modulo.verifiers.tests_plain import broken, given_names
from modulo.verifiers.tests_report import explained, not_run, passed
from modulo.verifiers.tests_source import FILE, MODULE, compiled

__all__ = ["run_pytest"]

_OPTIONS = (
    "-q",
    "-p",
    "no:cacheprovider",
    "--capture=sys",
    "--assert=plain",
    "--tb=no",
    "-c",
    "/dev/null",
    "--rootdir=/",
)


def run_pytest(link: Link, candidate: Any, text: str) -> list[dict[str, Any]]:
    """Collect and run everything in a text of tests.

    Raises:
        TestsFaultError: the tests themselves cannot be run, or there are none.
    """
    runner = _Runner(link, candidate, text)
    pytest.main(list(_OPTIONS), plugins=[runner])
    if link.tests_fault:
        raise TestsFaultError(link.tests_fault)
    if runner.failure is not None:
        return [broken(link, runner.failure, text)]
    if not runner.names:
        raise TestsFaultError("pytest finds no test in the code")
    # What ends pytest early, such as pytest.exit(), ends in no report: and that is no pass.
    return [runner.reports.get(name) or not_run(name) for name in runner.names]


class _Text(pytest.Module):
    """The tests' module, made from their text."""

    runner: _Runner

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(MODULE)
        module.__file__ = FILE
        sys.modules[MODULE] = module  # where dataclasses look names up
        module.__dict__.update(given_names(self.runner.link, self.runner.candidate, self.runner.text))
        exec(compiled(self.runner.text, for_pytest=True), module.__dict__)
        return module


class _Runner:
    """A pytest plugin: what is collected, and what becomes of each test."""

    def __init__(self, link: Link, candidate: Any, text: str) -> None:
        self.link, self.candidate, self.text = link, candidate, text
        self.failure: BaseException | None = None
        self.names: list[str] = []
        self.reports: dict[str, dict[str, Any]] = {}
        self._module_asked = False
        self._asking: set[str] = set()
        self._phases: dict[str, list[tuple[str, bool, BaseException | None]]] = {}

    def pytest_collection(self, session: pytest.Session) -> bool:
        try:
            module = _Text.from_parent(session, path=Path("/", FILE))
            module.runner = self
            session.items = list(_items(module))
        except BaseException as error:  # noqa: BLE001 - reported as what it is
            self.failure = error
            session.items = []
        self.names = [_name(item) for item in session.items]
        self._module_asked = self.link.asked > 0
        session.testscollected = len(session.items)
        session.config.hook.pytest_collection_modifyitems(session=session, config=session.config, items=session.items)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        before = self.link.asked
        result = yield
        if self.link.asked > before and fixturedef.scope != "function":
            self._asking.add(fixturedef.argname)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        ended = call.excinfo.value if call.excinfo is not None else None
        through = report.outcome == "passed" and not hasattr(report, "wasxfail") and ended is None
        if type(ended).__name__ == "FixtureLookupError":
            self.link.tests_fault = self.link.tests_fault or f"{item.name} asks for a fixture that is not there"
        self._phases.setdefault(item.nodeid, []).append((report.when, through, ended))
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        link, name, dead = self.link, _name(item), bool(self.link.dead)
        faults, before, link.last = len(link.faults), link.asked, None
        result = yield
        phases = self._phases.pop(item.nodeid, [])
        if dead:
            self.reports[name] = not_run(name)
            return result
        whole = [when for when, through, _ in phases if through] == ["setup", "call", "teardown"] and len(phases) == 3
        if whole and len(link.faults) == faults:
            names = getattr(item, "fixturenames", ())
            asked = link.asked > before or self._module_asked or bool(self._asking.intersection(names))
            self.reports[name] = {**passed(name), "asked": asked}
        else:
            self.reports[name] = self._failed(name, phases, faults)
        return result

    def _failed(self, name: str, phases: list[tuple[str, bool, BaseException | None]], faults: int) -> dict[str, Any]:
        error = next((ended for _, through, ended in phases if not through and ended is not None), None)
        report = explained(self.link, name, error, self.text, faults=faults)
        if len(self.link.faults) == faults and (error is None or type(error).__name__ in ("Skipped", "XFailed")):
            report["why"] = "the test was skipped or is expected to fail, so it shows nothing"
        return report


def _name(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[2]


def _items(node: Any) -> Iterable[pytest.Item]:
    for found in node.collect():
        if isinstance(found, pytest.Item):
            yield found
        else:
            yield from _items(found)
