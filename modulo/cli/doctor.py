"""`modulo doctor`: what works on this machine, found by trying it, and how to get what does not."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from rich.markup import escape
from rich.table import Table

from modulo.api import averify
from modulo.cli.view import wide_console
from modulo.errors import ModuloError
from modulo.types import Problem, accepted

__all__ = ["run"]

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "OPENROUTER_API_KEY")

CHECKS: dict[str, tuple[str, object, str]] = {
    "smt": ("json", {"variables": {"x": "int"}, "constraints": {"big": "x > 3"}}, '{"x": 5}'),
    "math": ("math", {"equals": "sin(x)^2 + cos(x)^2"}, "1"),
    "plan": (
        "plan",
        {
            "domain": "(define (domain d) (:predicates (p)) (:action a :parameters () :effect (p)))",
            "problem": "(define (problem q) (:domain d) (:init) (:goal (p)))",
        },
        "(a)",
    ),
    "schema": ("json", {"type": "integer"}, "5"),
}


@dataclass(frozen=True)
class Finding:
    """One row: what was looked at, whether it works, whether solving needs it, and a detail or the way to get it."""

    kind: str
    name: str
    works: bool
    needed: bool
    detail: str


def run(*, as_json: bool) -> int:
    """Try everything. Exit 0 if problems can be solved here with what is installed, else 4."""
    findings = []
    for finding in _findings():
        findings.append(finding)
        if as_json:
            sys.stdout.write(json.dumps(asdict(finding)) + "\n")
            sys.stdout.flush()
    if not as_json:
        _print(findings)
    sandbox = any(f.works for f in findings if f.kind == "sandbox")
    return 0 if sandbox and all(f.works for f in findings if f.needed) else 4


def _findings() -> Iterator[Finding]:
    yield Finding("python", platform.python_version(), sys.version_info >= (3, 11), True, platform.platform())
    yield from _models()
    yield from _sandboxes()
    for name, (answer, spec, candidate) in CHECKS.items():
        yield _tried("solver", name, lambda a=answer, n=name, s=spec, c=candidate: _verify(a, n, s, c), needed=True)  # type: ignore[misc]


def _models() -> Iterator[Finding]:
    from modulo.adapters.models.catalogue import catalogue
    from modulo.adapters.models.weights import status

    installed = importlib.util.find_spec("xllamacpp") is not None
    for entry in catalogue():
        path = status(entry)
        how = 'pip install "llm-modulo[local]"' if not installed else f"modulo models fetch {entry.alias}"
        yield Finding(
            "model",
            f"local:{entry.alias}",
            installed and path is not None,
            False,
            str(path) if path and installed else how,
        )
    found = importlib.util.find_spec("litellm") is not None
    keys = [name for name in KEYS if os.environ.get(name)]
    detail = f"keys set: {', '.join(keys) or 'none'}" if found else 'pip install "llm-modulo[litellm]"'
    yield Finding("model", "litellm", found, False, detail)
    yield Finding("model", "vllm, openai", True, False, "any server that speaks the OpenAI wire, given by URL")


def _sandboxes() -> Iterator[Finding]:
    from modulo.adapters.sandboxes import packages, probe

    for kind in ("docker", "gvisor", "bubblewrap"):
        works, detail = probe(kind)
        yield Finding("sandbox", kind, works, False, detail)
    yield _tried("image", "science", lambda: ", ".join(packages.versions("science")), needed=False)


def _verify(answer: str, name: str, spec: object, candidate: str) -> str:
    problem = Problem.model_validate({"statement": "doctor", "answer": answer, "verifiers": [{name: spec}]})
    verdicts = asyncio.run(averify(problem, candidate))
    if not accepted(verdicts):
        raise ModuloError(f"{name} did not accept a right answer: {verdicts[0].critiques}")
    return f"checked a small problem in {verdicts[0].seconds * 1000:.0f} ms"


def _tried(kind: str, name: str, act: Callable[[], str], *, needed: bool) -> Finding:
    try:
        return Finding(kind, name, True, needed, act())
    except ModuloError as error:
        return Finding(kind, name, False, needed, str(error))


def _print(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    for finding in findings:
        mark = "[green]works[/]" if finding.works else "[red]no[/]"
        table.add_row(finding.kind, escape(finding.name), mark, escape(finding.detail))
    wide_console().print(table)
