"""A critic from a plain function.

    @verifier(guarantee="proof")
    def sorted_by_price(problem, candidate):
        rows = json.loads(candidate)
        ...
        return fail("b costs more than c but stands before it", locus="b")      or  return ok()

With a pydantic model as `spec`, the function takes a third argument, and the result can be named in problem files
once an entry point of group `modulo.verifiers` names it:

    class AtMost(Value):
        words: int

    @verifier(guarantee="proof", spec=AtMost)
    def at_most(problem, candidate, spec):
        return ok() if len(candidate.split()) <= spec.words else fail(f"more than {spec.words} words")

    at_most(words=3)                        a verifier, in Python
    verifiers: [at_most: {words: 3}]        the same, in a problem file

The function is trusted: it runs in this process, a plain one in a thread, and nothing can kill it. Code of a candidate
belongs in a sandbox (`tests`), and a solver in a worker (`modulo.verifiers.pool`).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from pydantic import BaseModel, JsonValue, ValidationError

from modulo.errors import ModuloError, ProblemError, WorkerError
from modulo.protocols import Sandbox
from modulo.types import Guarantee, Problem, Verdict
from modulo.verifiers.finding import Finding, fail, ok, unknown
from modulo.verifiers.judging import printable, verdict
from modulo.verifiers.specs import problem_error

__all__ = ["FunctionFactory", "FunctionVerifier", "fail", "ok", "unknown", "verifier"]

_Spec = TypeVar("_Spec", bound=BaseModel)
_Found = Finding | Awaitable[Finding]


class FunctionVerifier:
    """A verifier made of a function, which stays callable as it was."""

    def __init__(
        self,
        function: Callable[[Problem, str], _Found],
        *,
        name: str,
        version: str,
        guarantee: Guarantee,
        hard: bool,
        seconds: float | None,
    ) -> None:
        if hard and guarantee is Guarantee.OPINION:
            raise ValueError(f"{name}: an opinion cannot gate acceptance; add hard=False")
        self.function = function
        self.name, self.version, self.guarantee, self.hard, self.seconds = name, version, guarantee, hard, seconds
        self.__doc__ = function.__doc__

    def __call__(self, problem: Problem, candidate: str) -> Any:
        """What the function returns: for its tests."""
        return self.function(problem, candidate)

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Call the function, in a thread unless it is `async`.

        Raises:
            WorkerError: it raised, or returned something else than `ok()`, `fail(…)` or `unknown(…)`.
        """
        started = time.monotonic()
        try:
            found: object = await asyncio.wait_for(self._call(problem, candidate), self.seconds)
        except TimeoutError:
            found = unknown(f"could not be decided within {self.seconds:g} s")
        except ModuloError:
            raise
        except Exception as error:
            raise WorkerError(f"the verifier {self.name} raised {type(error).__name__}: {error}") from error
        if not isinstance(found, Finding):
            raise WorkerError(
                f"the verifier {self.name} returned {found!r:.80}; return ok(), fail('what is wrong') or unknown('why')"
            )
        finding = Finding.model_validate(printable(found.model_dump()))
        seconds = time.monotonic() - started
        return verdict(finding, self.name, self.version, hard=self.hard, guarantee=self.guarantee, seconds=seconds)

    async def _call(self, problem: Problem, candidate: str) -> object:
        if inspect.iscoroutinefunction(self.function):
            found = self.function(problem, candidate)
        else:
            found = await _in_thread(self.function, problem, candidate)
        return await found if inspect.isawaitable(found) else found


class FunctionFactory(Generic[_Spec]):
    """A verifier factory made of a function with a spec. Call it with the spec's fields for a verifier."""

    def __init__(
        self,
        function: Callable[[Problem, str, _Spec], _Found],
        *,
        spec: type[_Spec],
        name: str,
        version: str,
        guarantee: Guarantee,
        hard: bool,
        seconds: float | None,
    ) -> None:
        self.name = name
        self._function, self._model, self._hard = function, spec, hard
        self._version, self._guarantee, self._seconds = version, guarantee, seconds
        self._bind(None, hard=hard)  # a wrong decoration is an error where it stands
        self.__doc__ = function.__doc__

    def __call__(self, **fields: Any) -> FunctionVerifier:
        """A verifier for a spec with these fields.

        Raises:
            ProblemError: names the field that is wrong.
        """
        return self._bind(self._validated(fields), hard=self._hard)

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Validate a spec with its model.

        Raises:
            ProblemError: names the field that is wrong.
        """
        loaded: JsonValue = self._validated({} if spec is None else spec).model_dump(mode="json", exclude_unset=True)
        return loaded

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> FunctionVerifier:
        """A verifier for a loaded spec.

        Raises:
            ProblemError: an opinion is asked to gate acceptance.
        """
        if hard and self._guarantee is Guarantee.OPINION:
            raise ProblemError(f"{self.name} gives an opinion, which cannot gate acceptance; add hard: false")
        return self._bind(self._validated(spec), hard=hard)

    def _validated(self, spec: Any) -> _Spec:
        try:
            return self._model.model_validate(spec)
        except ValidationError as error:
            raise problem_error(error) from None

    def _bind(self, spec: Any, *, hard: bool) -> FunctionVerifier:
        function = self._function

        def bound(problem: Problem, candidate: str) -> Any:
            return function(problem, candidate, spec)

        async def bound_async(problem: Problem, candidate: str) -> Any:
            return await bound(problem, candidate)

        return FunctionVerifier(
            bound_async if inspect.iscoroutinefunction(function) else bound,
            name=self.name,
            version=self._version,
            guarantee=self._guarantee,
            hard=hard,
            seconds=self._seconds,
        )


@overload
def verifier(
    *,
    guarantee: Guarantee | str,
    spec: None = None,
    name: str | None = None,
    version: str = "1",
    hard: bool = True,
    seconds: float | None = None,
) -> Callable[[Callable[[Problem, str], _Found]], FunctionVerifier]: ...


@overload
def verifier(
    *,
    guarantee: Guarantee | str,
    spec: type[_Spec],
    name: str | None = None,
    version: str = "1",
    hard: bool = True,
    seconds: float | None = None,
) -> Callable[[Callable[[Problem, str, _Spec], _Found]], FunctionFactory[_Spec]]: ...


def verifier(
    *,
    guarantee: Guarantee | str,
    spec: type[Any] | None = None,
    name: str | None = None,
    version: str = "1",
    hard: bool = True,
    seconds: float | None = None,
) -> Callable[..., Any]:
    """Make a verifier of `f(problem, candidate)`, or a verifier factory of `f(problem, candidate, spec)`.

    The function, plain or `async`, returns `ok()`, `fail("what is wrong", locus=…, counterexample=…)` or
    `unknown("why")`. Nothing else counts, `None` and `True` least of all; what it raises makes an `error`, no pass.

    Args:
        guarantee: what a pass means: `proof`, `evidence`, `tests` or `opinion`.
        spec: pydantic model of the third argument; see the module's text.
        name: name in verdicts; the function's own if not given.
        version: change it whenever a verdict could change; verdicts are cached under it.
        hard: whether it gates acceptance. An `opinion` never does.
        seconds: deadline, after which the verdict is `unknown`. The function itself cannot be stopped.

    Raises:
        ValueError: an unknown guarantee, or a hard opinion.
    """

    def decorate(function: Callable[..., Any]) -> FunctionVerifier | FunctionFactory[Any]:
        known: dict[str, Any] = {
            "name": name or function.__name__,
            "version": version,
            "guarantee": Guarantee(guarantee),
            "hard": hard,
            "seconds": seconds,
        }
        return FunctionVerifier(function, **known) if spec is None else FunctionFactory(function, spec=spec, **known)

    return decorate


async def _in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Like `asyncio.to_thread`, in a daemon thread of its own: one that hangs never holds up the end of the program."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def work() -> None:
        value: Any = None
        failure: BaseException | None = None
        try:
            value = context.run(function, *arguments)
        except BaseException as error:  # noqa: BLE001 - also exit() and StopIteration, which a future cannot hold
            holdable = isinstance(error, Exception) and not isinstance(error, StopIteration)
            failure = error if holdable else RuntimeError(repr(error))
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=work, name="modulo-function-verifier", daemon=True).start()
    return await future
