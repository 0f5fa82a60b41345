"""A critic in one line, of a predicate on the candidate.

    short = check(lambda answer: len(answer.split()) <= 40, "use at most 40 words", guarantee="proof")

What holds of functions as verifiers (`verifiers/function.py`) holds here too: the predicate is trusted.
"""

from __future__ import annotations

from collections.abc import Callable

from modulo.types import Guarantee, Problem
from modulo.verifiers.finding import Finding, fail, ok
from modulo.verifiers.function import FunctionVerifier, verifier

__all__ = ["check"]


def check(
    predicate: Callable[[str], bool],
    message: str,
    *,
    guarantee: Guarantee | str,
    refuses: type[Exception] | tuple[type[Exception], ...] = (),
    name: str | None = None,
    version: str = "1",
    hard: bool = True,
    seconds: float | None = None,
) -> FunctionVerifier:
    """A verifier that passes a candidate for which `predicate(candidate)` is `True`, and fails it with `message` else.

    Only the values `True` and `False` themselves count. Anything else it returns (`1`, a match, `None`) is an `error`,
    and so is what it raises, but for the exceptions in `refuses`: those are a fail too.

        check(lambda answer: json.loads(answer)["age"] >= 18, "give an age from 18", guarantee="proof",
              refuses=(ValueError, KeyError, TypeError))

    Args:
        predicate: called in a thread; it may not be `async`.
        message: what is wrong with a candidate that fails, in words a model can act on.
        guarantee: what a pass means.
        refuses: exceptions that the predicate raises on a bad candidate.
        name: name in verdicts; the predicate's own if not given, or `check` for a lambda.
        version: change it whenever a verdict could change.
        hard: whether it gates acceptance. An `opinion` never does.
        seconds: deadline, after which the verdict is `unknown`.

    Raises:
        ValueError: an unknown guarantee, a hard opinion, or a blank message.
    """
    if not message.strip():
        raise ValueError("check() needs a message that says what is wrong with a candidate that fails")

    def judged(problem: Problem, candidate: str) -> Finding:
        try:
            holds: object = predicate(candidate)
        except refuses:
            return fail(message)
        if holds is True:
            return ok()
        if holds is False:
            return fail(message)
        raise TypeError(f"the predicate returned {holds!r:.80}; return True or False, such as bool(…)")

    own = getattr(predicate, "__name__", "<callable>")
    judged.__doc__ = predicate.__doc__
    named = name or ("check" if own.startswith("<") else own)
    return verifier(guarantee=guarantee, name=named, version=version, hard=hard, seconds=seconds)(judged)
