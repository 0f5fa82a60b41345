"""What an SMT spec is compiled to. Values only; made by `smt_compile.py`, in a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from modulo.verifiers.smt_bind import Binder
from modulo.verifiers.smt_python import Function
from modulo.verifiers.smt_values import Variable

__all__ = ["Compiled", "Constraint", "Named", "Objective", "Options", "Scope", "SpecError"]

Named: TypeAlias = "list[tuple[str, str, str, Any]]"
"""Requirements as they are written: the spec's field, the name, the text and the formula."""


class SpecError(ValueError):
    """The spec cannot be used. `field` is the dotted path inside it."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Constraint:
    """One requirement.

    Attributes:
        name: its name in the spec, its text where it has none there.
        text: as it is written, cut to a line's length; "" where the name already says it.
        holds: true exactly where the requirement is true and defined.
        broken: true exactly where it is false and defined; `None` where it is always defined.
        is_broken: `broken` as a function of all variables' values, where there is one.
        uses: positions of the variables in it, in the spec's order.
    """

    name: str
    text: str
    holds: Any
    broken: Any
    is_broken: Function | None
    uses: tuple[int, ...]


@dataclass(frozen=True)
class Options:
    """What a spec says beside its constraints; the fields of `modulo.verifiers.smt.SmtSpec`."""

    mode: str = "satisfy"
    core: str = "any"
    partial: bool = False
    status: str | None = None
    rlimit: int = 10_000_000


@dataclass(frozen=True)
class Objective:
    """What is to be as small (`minimize`) or as large (`maximize`) as it can be; `defined` is true where it is."""

    sense: str
    text: str
    term: Any
    defined: Any


class Scope(Protocol):
    """Reads terms over a spec's variables, in the language of the spec."""

    def formula(self, text: str) -> Any:
        """A Boolean term.

        Raises:
            ExprError, SmtlibError: it is none.
        """
        ...

    def number(self, text: str) -> Any:
        """An integer or rational term; raises as `formula` does."""
        ...


@dataclass(frozen=True)
class Compiled:
    """A spec in one Z3 context of its own.

    Attributes:
        options: the rest of the spec.
        scope: reads further terms over the same variables.
        objective: what is to be optimal, if anything.
        accept, reject: the values in examples, of the mode `formalise`.
        memo: what the solver has said before, by question.
        binder: gives the variables' values in the order of `variables`.
        positions: of each variable in that order.
        fast: functions of those values that return the numbers of violated constraints.
        slow: numbers of the constraints that `fast` does not cover.
        domains: formulas that keep each variable to the values an answer may give it, for a solver.
    """

    context: Any
    variables: tuple[Variable, ...]
    constraints: tuple[Constraint, ...]
    binder: Binder
    positions: dict[str, int]
    fast: tuple[Function, ...]
    slow: tuple[int, ...]
    domains: tuple[Any, ...]
    options: Options
    scope: Scope
    objective: Objective | None
    accept: tuple[tuple[Any, ...], ...] = ()
    reject: tuple[tuple[Any, ...], ...] = ()
    memo: dict[str, str] = field(default_factory=dict)
