"""In the trusted worker: run one candidate through free-form tests and properties.

Each job runs in a fork of the worker, so that nothing that tests leave behind (patched modules, fixtures, random state)
meets the next job. The candidate is elsewhere, in its sandbox: this process asks the host, and the host asks it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any

from modulo.verifiers import tests_proxy, tests_special, zygote
from modulo.verifiers.tests_link import Link, TestsFaultError
from modulo.verifiers.tests_plain import run_plain
from modulo.verifiers.tests_source import MODULE, compiled, outline

__all__ = ["run"]

_PR_SET_PDEATHSIG = 1


def run(payload: dict[str, Any]) -> dict[str, Any]:
    """Run tests and properties against the candidate at the other end.

    Args:
        payload: `program`, `module`, `entry`, `code` (or null), `properties`, `examples`, `memory_mb`, `call_seconds`,
            `total_seconds`.

    Returns:
        `load`: what went wrong when the program was loaded, or null; `tests`: a report for each test, see
        `tests_report`; `tests_fault`: why the tests themselves cannot be run, or null, and in which `field`; `memory`:
        they ran out of it.
    """
    if payload["code"] is not None:
        found = outline(payload["code"])
        compiled(
            payload["code"], for_pytest=found.for_pytest
        )  # before the fork: the next job of this worker has it ready
    read, write = os.pipe()
    worker, child = os.getpid(), os.fork()
    if child == 0:
        try:
            os.close(read)
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != worker:
                os._exit(1)
            _write(write, json.dumps(_guarded(payload)).encode("ascii"))
        finally:
            os._exit(0)
    os.close(write)
    pieces = []
    while piece := os.read(read, 1 << 16):
        pieces.append(piece)
    os.close(read)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not pieces:
        raise RuntimeError(f"the tests' process ended with {status} and no report")
    return json.loads(b"".join(pieces))  # type: ignore[no-any-return]


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _guarded(payload: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"load": None, "tests": [], "tests_fault": None, "memory": False}
    try:
        return {**empty, **_run(payload)}
    except TestsFaultError as error:
        return {**empty, "tests_fault": str(error)[:500], "field": error.field}
    except MemoryError:
        return {**empty, "memory": True}


def _run(payload: dict[str, Any]) -> dict[str, Any]:
    load = zygote.ask({"load": True})
    if load is not None:
        return {"load": load}
    link = Link(
        zygote.ask,
        program=payload["program"],
        test_module=MODULE,
        memory_mb=payload["memory_mb"],
        call_seconds=payload["call_seconds"],
        proxies=tests_proxy,
    )
    tests_special.use(link)
    candidate = tests_proxy.CandidateModule(payload["module"])
    sys.modules[payload["module"]] = candidate
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    reports: list[dict[str, Any]] = []
    if payload["code"] is not None:
        reports += _run_code(link, candidate, payload)
    if payload["properties"]:
        from modulo.verifiers.tests_properties import run_properties

        reports += run_properties(link, candidate, payload)
    return {"tests": reports}


def _run_code(link: Link, candidate: Any, payload: dict[str, Any]) -> list[dict[str, Any]]:
    code, found = payload["code"], outline(payload["code"])
    if not found.for_pytest:
        return run_plain(link, candidate, code, payload["entry"])
    if "hypothesis" in code:
        from modulo.verifiers.tests_properties import settle

        settle(payload["examples"])
    from modulo.verifiers.tests_pytest import run_pytest

    return run_pytest(link, candidate, code)
