"""Reads the corpus: one directory an attack, `<kind>/<name>/`, with the candidate's text and `attack.yaml`.

What every field means is told in `docs/attacks.md`. Whatever is not understood here is an error, so that no attack is
ever left out because of a typing mistake.
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator

from modulo.problems import parse_problem
from modulo.types import Outcome, Problem, Value

__all__ = ["FOLDER", "SHARED", "Attack", "Setting", "attacks", "kinds", "setting"]

FOLDER = Path(__file__).parent
SHARED = FOLDER / "problems"

Backend = Literal["docker", "bubblewrap", "unsafe-subprocess", "workers"]
_ISOLATED: tuple[Backend, ...] = ("docker", "bubblewrap")


class Setting(Value):
    """A problem to be attacked.

    Attributes:
        problem: as a problem file holds it; the statement may be left out.
        honest: a candidate that passes, judged after every attack on the same sandbox or workers.
        seconds: within this and the grace of `test_attacks.py` every verdict has to come.
    """

    problem: dict[str, Any]
    honest: str
    seconds: float = Field(gt=0, le=30)

    @cached_property
    def resolved(self) -> Problem:
        """The problem, its specs loaded."""
        return parse_problem({"statement": "Attack me.", **self.problem})

    @property
    def sandboxed(self) -> bool:
        """Whether candidates are executed, so that the backends matter."""
        return bool(self.problem["answer"] == "python")


class First(Value):
    """A program that runs before the attack, on the same sandbox, and is to leave nothing to it."""

    file: str
    problem: str


class Attack(Value):
    """One attack, or an honest control: a candidate and what must become of it.

    Attributes:
        tries: what it does, in a sentence.
        problem: name of a shared problem; without it there is a `problem.yaml` beside.
        outcome: the verdict; `pass` makes it an honest control. Of several, any.
        says: fragments that the critiques hold.
        hides: fragments that nothing in the verdicts holds.
        backends: where it runs; by default both sandboxes, or the workers where nothing is executed.
        plain: whether it runs in an unsafe plain process too.
        whole: the text is a model's whole response, from which the candidate is extracted.
        replace: marks in the text and what stands for them, a text or `{text, times}`.
        first: what runs before it.
    """

    kind: str
    name: str
    tries: str = Field(min_length=5, max_length=300)
    problem: str | None = None
    outcome: tuple[Outcome, ...] = (Outcome.FAIL,)
    says: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    backends: tuple[Backend, ...] = ()
    plain: bool = False
    whole: bool = False
    replace: dict[str, str | dict[str, str | int]] = Field(default_factory=dict)
    first: First | None = None

    @field_validator("outcome", "says", "hides", mode="before")
    @classmethod
    def _one_or_more(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @property
    def folder(self) -> Path:
        """Its directory."""
        return FOLDER / self.kind / self.name

    @property
    def honest(self) -> bool:
        """Whether it is a control."""
        return self.outcome == (Outcome.PASS,)

    @property
    def place(self) -> Path:
        """The file of the problem that it attacks."""
        return SHARED / f"{self.problem}.yaml" if self.problem else self.folder / "problem.yaml"

    @property
    def setting(self) -> Setting:
        """What it attacks."""
        return setting(self.place)

    @property
    def where(self) -> tuple[Backend, ...]:
        """The backends it runs on."""
        if self.backends:
            return self.backends
        if not self.setting.sandboxed:
            return ("workers",)
        return (*_ISOLATED, "unsafe-subprocess") if self.plain else _ISOLATED

    def text(self, marks: dict[str, str]) -> str:
        """The candidate, with its own marks and those of the host (`@PORT@`, …) replaced."""
        (file,) = self.folder.glob("candidate.*")
        text = file.read_bytes().decode("utf-8")
        for mark, by in self.replace.items():
            marks = {**marks, mark: by if isinstance(by, str) else str(by["text"]) * int(by["times"])}
        for mark, by in marks.items():
            text = text.replace(mark, by)
        return text


@cache
def setting(file: Path) -> Setting:
    """The problem that a file holds."""
    return Setting.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def kinds() -> list[str]:
    """Names of the kinds, sorted."""
    return sorted({attack.kind for attack in attacks()})


@cache
def attacks() -> tuple[Attack, ...]:
    """The whole corpus, by kind and name."""
    found = []
    for place in sorted(FOLDER.glob("*/*/attack.yaml")):
        told = yaml.safe_load(place.read_text(encoding="utf-8"))
        found.append(Attack(kind=place.parent.parent.name, name=place.parent.name, **told))
    return tuple(found)
