"""The `math` verifier: is the candidate the expected expression, or an antiderivative of a given one?

Exact unless the spec gives a tolerance. A pass is a `proof` where equality was decided exactly and `evidence` where it
was certified numerically at many points; see `verifiers/math_equal.py`. How text is read: `verifiers/math_read.py`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, JsonValue, ValidationError

from modulo.errors import ProblemError
from modulo.protocols import Sandbox
from modulo.types import Guarantee, Problem, Value, Verdict
from modulo.verifiers.judging import judge
from modulo.verifiers.math_nodes import is_expr, symbols
from modulo.verifiers.math_read import MathFault, read
from modulo.verifiers.specs import problem_error

__all__ = ["MathSpec", "MathVerifier", "factory"]

NAME: Final = "math"
VERSION: Final = "1"
_CONSTANT: Final = "C"


class MathSpec(Value):
    """Spec of the `math` verifier: exactly one of `equals` and `antiderivative_of`.

    Attributes:
        equals: the reference, in LaTeX or plain notation.
        up_to_constant: a constant difference counts as equal; `C` is such a constant.
        tolerance: largest absolute difference that counts as equal; a string such as `"1e-6"` is taken exactly.
        variables: where variables live; one not listed is real. A pair is an open interval. Declared names are
            variables even if they would otherwise be `e` or `i`.
        antiderivative_of: an integrand; the candidate's derivative must equal it wherever it is defined.
        variable: variable of integration; by default the integrand's only one.
        seconds: deadline of one check.
    """

    equals: str | None = None
    up_to_constant: bool = False
    tolerance: str | float | None = None
    variables: dict[
        str, Literal["real", "positive", "negative", "nonzero", "integer", "natural", "complex"] | tuple[float, float]
    ] = Field(default_factory=dict)
    antiderivative_of: str | None = None
    variable: str | None = None
    seconds: float = Field(default=10.0, gt=0, le=600)


class MathVerifier:
    """Compares answers with one reference, in a worker process."""

    name = NAME
    version = VERSION
    guarantee = Guarantee.PROOF

    def __init__(self, spec: MathSpec, *, hard: bool) -> None:
        self._spec = spec
        self.hard = hard

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Compare; see `verifiers/math_check.py`."""
        return await judge(
            NAME,
            VERSION,
            function="modulo.verifiers.math_check:check",
            payload={"spec": self._spec.model_dump(mode="json", exclude={"seconds"}), "candidate": candidate},
            preload=("modulo.verifiers.math_check",),
            seconds=self._spec.seconds,
            hard=self.hard,
            guarantee=self.guarantee,
        )


class MathFactory:
    """Builds `MathVerifier`s; the entry point `math`."""

    name = NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check the spec and that the reference can be read.

        Raises:
            ProblemError: names the field and the fix.
        """
        parsed = _validated(spec)
        if (parsed.equals is None) == (parsed.antiderivative_of is None):
            raise ProblemError("give either `equals` or `antiderivative_of`")
        tolerance = _tolerance(parsed.tolerance)
        for name, domain in parsed.variables.items():
            if isinstance(domain, tuple) and not domain[0] < domain[1]:
                raise ProblemError("an interval is [low, high] with low < high", field=f"variables.{name}")
        field = "equals" if parsed.equals is not None else "antiderivative_of"
        text = parsed.equals if parsed.equals is not None else parsed.antiderivative_of
        try:
            reference = read(text or "", declared=frozenset(parsed.variables))
        except MathFault as fault:
            raise ProblemError(f"cannot be read as mathematics: {fault}", field=field) from None
        names, variable = symbols(reference), parsed.variable
        if parsed.equals is not None:
            if variable is not None:
                raise ProblemError("only goes with `antiderivative_of`", field="variable")
            if parsed.up_to_constant and not (is_expr(reference) and names - {_CONSTANT}):
                raise ProblemError("needs a reference that is one expression with a variable", field="up_to_constant")
        else:
            if not is_expr(reference):
                raise ProblemError("the integrand must be one expression", field=field)
            if parsed.up_to_constant or tolerance is not None:
                raise ProblemError("`up_to_constant` and `tolerance` only go with `equals`", field=field)
            if variable is None and len(names) != 1:
                raise ProblemError("name the variable of integration, such as `variable: x`", field="variable")
            variable = variable or next(iter(names))
        loaded = parsed.model_copy(update={"tolerance": tolerance, "variable": variable})
        dumped: JsonValue = loaded.model_dump(mode="json")
        return dumped

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> MathVerifier:
        """A verifier for a loaded spec; the sandbox is not needed."""
        return MathVerifier(_validated(spec), hard=hard)


def _validated(spec: JsonValue) -> MathSpec:
    if isinstance(spec, dict):
        if isinstance(spec.get("tolerance"), bool):
            raise ProblemError('a positive number, such as 0.01 or "1e-6"', field="tolerance")
        for name in ("equals", "antiderivative_of"):
            value = spec.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                spec = {**spec, name: str(value)}
            elif isinstance(value, float):
                raise ProblemError("put quotes round a decimal, so that it is taken exactly", field=name)
    try:
        return MathSpec.model_validate(spec)
    except ValidationError as error:
        raise problem_error(error) from None


def _tolerance(value: str | float | None) -> str | None:
    """The tolerance as exact decimal text."""
    if value is None:
        return None
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite() or number <= 0 or not -1000 < number.adjusted() < 1000:
        raise ProblemError('a positive number, such as 0.01 or "1e-6"', field="tolerance")
    return str(number)


factory = MathFactory()
