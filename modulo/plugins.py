"""Names to parts, through entry points; the built-in parts come the same way as anybody's.

Groups: `modulo.verifiers` (a `VerifierFactory`, or a verifier object that takes no spec), `modulo.models` (scheme →
`open_model(rest) -> Generator`), `modulo.strategies` (name → graph builder).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from modulo.errors import ModelStringError, ProblemError, UsageError
from modulo.protocols import Generator, Verifier, VerifierFactory
from modulo.types import Guarantee, Problem, Verdict

__all__ = ["as_factory", "open_model", "strategy_builder", "strategy_names", "verifier_factory", "verifier_names"]


@cache
def _group(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def verifier_names() -> list[str]:
    """Names of the installed verifiers, sorted."""
    return sorted(_group("modulo.verifiers"))


def strategy_names() -> list[str]:
    """Names of the installed strategies, sorted."""
    return sorted(_group("modulo.strategies"))


def verifier_factory(name: str) -> VerifierFactory:
    """The factory behind a verifier's name.

    Raises:
        ProblemError: no verifier of this name is installed.
    """
    point = _group("modulo.verifiers").get(name)
    if point is None:
        raise ProblemError(f"no verifier is called {name!r}; installed are {', '.join(verifier_names())}")
    return as_factory(point.load(), name)


def as_factory(found: VerifierFactory | Verifier, name: str | None = None) -> VerifierFactory:
    """What an entry point names, as a factory: one it is, or a verifier object that takes no spec."""
    if hasattr(found, "build"):
        return cast(VerifierFactory, found)
    verifier: Any = found
    return _WithoutSpec(name or verifier.name, verifier)


def strategy_builder(name: str) -> Callable[..., Any]:
    """The graph builder behind a strategy's name.

    Raises:
        UsageError: no strategy of this name is installed.
    """
    point = _group("modulo.strategies").get(name)
    if point is None:
        raise UsageError(f"no strategy is called {name!r}; installed are {', '.join(strategy_names())}")
    return cast(Callable[..., Any], point.load())


def open_model(model: str) -> Generator:
    """A generator from a model string: `scheme:rest`, a bare scheme, or `pkg.module:object`. No I/O happens yet.

    Raises:
        ModelStringError: nobody can open it; the message lists the known forms.
        MissingExtraError: the scheme is known but its optional dependency is not installed.
    """
    scheme, _, rest = model.strip().partition(":")
    point = _group("modulo.models").get(scheme)
    if point is not None:
        return cast(Generator, point.load()(rest))
    if scheme and rest and "/" not in model and all(part.isidentifier() for part in scheme.split(".")):
        return _from_object(model, scheme, rest)
    known = ", ".join(sorted(_group("modulo.models")))
    raise ModelStringError(
        f"cannot open model {model!r}: it starts with none of {known} and is not pkg.module:object;"
        " try local, vllm:http://host:8000/v1 or litellm:provider/model"
    )


def _from_object(model: str, module: str, attribute: str) -> Generator:
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ModelStringError(f"cannot open model {model!r}: {error}") from error
    if isinstance(found, type) or not hasattr(found, "generate"):
        if not callable(found):
            raise ModelStringError(f"cannot open model {model!r}: it has no generate(messages, *, n, sampling)")
        found = found()
    if not isinstance(found, Generator):
        raise ModelStringError(f"cannot open model {model!r}: a generator needs name, generate(…) and aclose()")
    return found


class _WithoutSpec:
    """Lets an entry point name a bare verifier object, whose spec must be empty."""

    def __init__(self, name: str, verifier: Verifier) -> None:
        self.name, self._verifier = name, verifier

    def load(self, spec: Any, *, base: Any) -> Any:
        if spec not in (None, {}):
            raise ProblemError(f"takes no spec; write `{self.name}: {{}}`")
        return {}

    def build(self, spec: Any, *, hard: bool, sandbox: Any) -> Verifier:
        return self._verifier if hard or not self._verifier.hard else _Softened(self._verifier)


class _Softened:
    """A hard verifier that a problem asks for its advice only."""

    hard = False

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self.name, self.version, self.guarantee = verifier.name, verifier.version, verifier.guarantee
        self.offline = getattr(verifier, "offline", verifier.guarantee is not Guarantee.OPINION)

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        verdict = await self._verifier.verify(problem, candidate)
        return verdict.model_copy(update={"hard": False})
