"""Whole SMT-LIB scripts by strangers: which commands are let through, and running them. Runs in a worker.

The solver gets one rewritten command after the other, never a text, and its answer counts only where the command was
a `check-sat`. What reaches outside (channels, files, options) has no way in.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import z3

from modulo.verifiers.smt_disposable import CrashError, in_a_child
from modulo.verifiers.smt_prove import Limits
from modulo.verifiers.smtlib_text import Atom, Node, SmtlibError, excerpt, head, parse, source
from modulo.verifiers.strict_json import shorten

__all__ = ["Command", "RunError", "read_script", "run", "statuses"]

MAX_PUSH = 1000
"""Scopes that a script may open with all its `push`es."""

_PASSED = {
    *("set-logic", "declare-const", "declare-fun", "declare-sort", "declare-datatype", "declare-datatypes"),
    *("define-fun", "define-const", "define-fun-rec", "define-funs-rec", "define-sort", "assert", "push", "pop"),
    *("check-sat", "check-sat-assuming", "reset", "reset-assertions"),
}
_DROPPED = {
    *("set-info", "get-model", "get-value", "get-unsat-core", "get-unsat-assumptions", "get-assignment", "get-proof"),
    *("get-info", "get-option", "get-assertions", "get-objectives", "echo", "eval", "display", "simplify", "apply"),
    *("minimize", "maximize", "assert-soft"),
}
"""They print, and nobody reads it; or they wish, which decides no status."""

_DROPPED_OPTIONS = {
    *("auto_config", "auto-config", "interactive-mode", "model", "model_validate", "print-success", "proof"),
    *("produce-assertions", "produce-assignments", "produce-models", "produce-proofs", "produce-unsat-cores"),
    *("random-seed", "rlimit", "timeout", "type_check", "unsat_core", "verbosity"),
}
"""Options that decide how a solver works or what it prints, and not what is true. None is passed on."""

_DROPPED_MODULES = (
    *("algebraic.", "combined_solver.", "model.", "model_evaluator.", "nlsat.", "opt.", "parallel.", "pp."),
    *("rewriter.", "sat.", "sls.", "smt.", "solver.", "tactic."),
)
_CHECKS = ("check-sat", "check-sat-assuming")


@dataclass(frozen=True)
class Command:
    """One command to pass on: its name, and its text written anew."""

    name: str
    source: str

    @property
    def checks(self) -> bool:
        """Whether the solver answers it with a status."""
        return self.name in _CHECKS


class RunError(ValueError):
    """The solver refuses a command of the script, in its words."""


def read_script(text: str) -> list[Command]:
    """The commands of a script, up to `exit`.

    Raises:
        SmtlibError: it is malformed, over a cap, or holds a command or option that is not let through.
    """
    commands = []
    pushed = 0
    for number, node in enumerate(parse(text), 1):
        name = head(node)
        if name is None or not isinstance(node, list):
            raise SmtlibError(f"command {number} is not of the form (name …): {excerpt(node)}")
        if name == "exit":
            break
        if name == "set-option":
            _check_option(node)
        elif name == "check-sat-using":  # how to check is ours to say
            commands.append(Command("check-sat", "(check-sat)"))
        elif name in _PASSED:
            if name in ("push", "pop"):
                pushed += _levels(node) if name == "push" else 0
                if pushed > MAX_PUSH:
                    raise SmtlibError(f"more than {MAX_PUSH} scopes are pushed")
            commands.append(Command(name, source(node)))
        elif name not in _DROPPED:
            raise SmtlibError(f"the command {shorten(name)!r} is not allowed; allowed are {', '.join(sorted(_PASSED))}")
    return commands


def _check_option(node: list[Node]) -> None:
    option = node[1] if len(node) == 3 else None
    name = option.text.removeprefix(":") if isinstance(option, Atom) and option.kind == "keyword" else ""
    if name not in _DROPPED_OPTIONS and not name.startswith(_DROPPED_MODULES):
        raise SmtlibError(f"the option {excerpt(option) if option else ''} is not allowed")


def _levels(node: list[Node]) -> int:
    if len(node) == 1:
        return 1
    level = node[1]
    if len(node) == 2 and isinstance(level, Atom) and level.kind == "numeral" and len(level.text) < 5:
        return int(level.text)
    raise SmtlibError(f"expected (push number) with a small number, not {excerpt(node)}")


def run(payload: dict[str, Any]) -> dict[str, Any]:
    """For a worker: what becomes of the script `payload["text"]`, within `rlimit` steps a check and `seconds` in all.

    `{"answers": […]}`, `{"refused": reason}` by this module, `{"error": message}` by the solver, or
    `{"undecided": why, "detail": …}`.
    """
    limits = Limits(payload["rlimit"], time.monotonic() + payload["seconds"])
    try:
        return {"answers": statuses(read_script(payload["text"]), limits)}
    except SmtlibError as error:
        return {"refused": str(error)}
    except RunError as error:
        return {"error": str(error)}
    except (TimeoutError, MemoryError, CrashError) as error:
        return {"undecided": type(error).__name__, "detail": str(error)}


def statuses(commands: list[Command], limits: Limits) -> list[str]:
    """What Z3 answers to each check of a script, in a process of its own.

    Raises:
        RunError: it refuses a command.
        TimeoutError: it does not answer before the deadline.
        MemoryError: it needs more memory than a worker may have.
        CrashError: it crashes.
    """
    outcome = in_a_child(lambda: _run(commands, limits), limits.deadline)
    if "refused" in outcome:
        raise RunError(outcome["refused"])
    answers: list[str] = outcome["answers"]
    return answers


def _run(commands: list[Command], limits: Limits) -> dict[str, Any]:
    context = _fresh(limits)
    answers = []
    for command in commands:
        if command.name == "reset":  # which would forget the limit, too
            context = _fresh(limits)
            continue
        said = _say(context, command.source)
        if "out of memory" in said:
            raise MemoryError
        if command.checks and said in ("sat", "unsat", "unknown"):
            answers.append(said)
        elif command.checks and said.split("\n")[0] in ("timeout", "canceled"):
            answers.append("unknown")
        elif command.checks or said.startswith("(error"):
            return {"refused": shorten(said.removeprefix("(error ").strip(' ")\n'), 300)}
    return {"answers": answers}


def _fresh(limits: Limits) -> Any:
    context = z3.Context()
    _say(context, f"(set-option :rlimit {limits.rlimit})")
    return context


def _say(context: Any, command: str) -> str:
    try:
        return str(z3.Z3_eval_smtlib2_string(context.ref(), command)).strip()
    except z3.Z3Exception as error:
        value = error.value
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
