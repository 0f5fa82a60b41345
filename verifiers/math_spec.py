"""Specs of the `math` verifier: one task each, and the settings that go with it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from modulo.errors import ProblemError
from modulo.types import Value
from modulo.verifiers.specs import problem_error

__all__ = [
    "TASKS",
    "EigenvectorSpec",
    "IntegralSpec",
    "LimitSpec",
    "LinearSpec",
    "MathSpec",
    "OdeSpec",
    "SolvesSpec",
    "StepsSpec",
    "validated",
]

DomainSpec = Literal["real", "positive", "negative", "nonzero", "integer", "natural", "complex"] | tuple[float, float]

TASKS = (
    "equals",
    "antiderivative_of",
    "derivative_of",
    "integral_of",
    "limit_of",
    "solves",
    "ode",
    "inverse_of",
    "determinant_of",
    "eigenvalues_of",
    "eigenvector_of",
    "linear_system",
    "steps",
)
"""The fields of which a spec has exactly one."""


class IntegralSpec(Value):
    """A definite integral: `from` and `to` are finite, and the integrand is defined between them."""

    expression: str
    variable: str | None = None
    from_: str = Field(alias="from")
    to: str


class LimitSpec(Value):
    """A limit. `side`: from which side the variable comes; at infinity it does not matter."""

    expression: str
    variable: str | None = None
    to: str
    side: Literal["both", "left", "right"] = "both"


class SolvesSpec(Value):
    """Equations to be solved.

    Attributes:
        equation: one equation, or a list of them that hold together.
        unknowns: what is solved for; by default all names in them. Other names are parameters.
        all: whether every solution is asked for, or any one.
        count: how many there are, where that is known. Else `all` needs equations whose solutions can be counted.
    """

    equation: str | list[str]
    unknowns: list[str] | None = None
    all: bool = True
    count: int | None = Field(default=None, ge=0, le=100)


class OdeSpec(Value):
    """A differential equation, written with `y`, `y'`, `y''` … or `y'(x)`.

    Attributes:
        equation: its text.
        function: the unknown function.
        variable: what it depends on.
        initial: conditions such as `{"y(0)": "1", "y'(0)": "0"}`.
        general: whether the general solution is asked for, with as many constants as the equation's order.
    """

    equation: str
    function: str = "y"
    variable: str = "x"
    initial: dict[str, str] = Field(default_factory=dict)
    general: bool = False


class EigenvectorSpec(Value):
    """An eigenvector of `matrix`, to the eigenvalue `value` if there is one."""

    matrix: str
    value: str | None = None


class LinearSpec(Value):
    """The system `matrix · x = right`."""

    matrix: str
    right: str


class StepsSpec(Value):
    """The steps of a derivation or of a chain of thought.

    Attributes:
        answer: what the final answer must be; it is then checked as well.
        given: equations that may be used without derivation; if there are any, the first line must follow from them.
        rounding: `written` accepts a result that is correctly rounded to the digits it is written with, and says so;
            `none` accepts equal values only.
        required: least number of steps that can be checked, so that a bare answer does not pass.
    """

    answer: str | None = None
    given: list[str] = Field(default_factory=list)
    rounding: Literal["written", "none"] = "written"
    required: int = Field(default=0, ge=0, le=1000)


class MathSpec(Value):
    """Spec of the `math` verifier: exactly one of `TASKS`, and what goes with it.

    Attributes:
        equals: the reference, in LaTeX or plain notation; with a unit if `units` is set or the text has one.
        up_to_constant: with `equals`: a constant difference counts as equal; `C` is such a constant.
        tolerance: largest absolute difference that counts as equal; a string such as `"1e-6"` is taken exactly.
        reading: with `equals`: `exact`, or `lenient` for the conventions of answer keys (`math_lenient.py`).
        digits: with `lenient`: decimals in which a rounded decimal must agree.
        units: with `equals`: whether it is a quantity; by default if the reference has a unit.
        variables: where variables live; one not listed is real. A pair is an open interval. Declared names are
            variables even if they would otherwise be `e` or `i`.
        antiderivative_of: an integrand; the candidate's derivative must equal it wherever it is defined.
        derivative_of: a function; the candidate is its derivative.
        variable: variable of integration or differentiation; by default the expression's only one.
        inverse_of, determinant_of, eigenvalues_of: a square matrix; eigenvalues are a list with multiplicities, or of
            the distinct ones.
        seconds: deadline of one check.
    """

    equals: str | None = None
    up_to_constant: bool = False
    tolerance: str | float | None = None
    reading: Literal["exact", "lenient"] = "exact"
    digits: int = Field(default=6, ge=0, le=50)
    units: bool | None = None
    variables: dict[str, DomainSpec] = Field(default_factory=dict)
    antiderivative_of: str | None = None
    derivative_of: str | None = None
    variable: str | None = None
    integral_of: IntegralSpec | None = None
    limit_of: LimitSpec | None = None
    solves: SolvesSpec | None = None
    ode: OdeSpec | None = None
    inverse_of: str | None = None
    determinant_of: str | None = None
    eigenvalues_of: str | None = None
    eigenvector_of: EigenvectorSpec | None = None
    linear_system: LinearSpec | None = None
    steps: StepsSpec | None = None
    seconds: float = Field(default=10.0, gt=0, le=600)

    @property
    def task(self) -> str:
        """The one task of a validated spec."""
        return next(name for name in TASKS if getattr(self, name) is not None)


def validated(spec: JsonValue) -> MathSpec:
    """The spec with exactly one task and settings that go with it, numbers as text.

    Raises:
        ProblemError: names the field and the fix.
    """
    if isinstance(spec, dict):
        if isinstance(spec.get("tolerance"), bool):
            raise ProblemError('a positive number, such as 0.01 or "1e-6"', field="tolerance")
        spec = {name: _text(value, name) if name in TASKS else value for name, value in spec.items()}
    try:
        parsed = MathSpec.model_validate(spec)
    except ValidationError as error:
        raise problem_error(error) from None
    tasks = [name for name in TASKS if getattr(parsed, name) is not None]
    if len(tasks) != 1:
        raise ProblemError(f"give exactly one of {', '.join(f'`{name}`' for name in TASKS)}")
    task = tasks[0]
    for name, domain in parsed.variables.items():
        if isinstance(domain, tuple) and not domain[0] < domain[1]:
            raise ProblemError("an interval is [low, high] with low < high", field=f"variables.{name}")
    _only(parsed, task, "up_to_constant", "reading", "digits", "units", goes_with=("equals",))
    _only(parsed, task, "tolerance", goes_with=("equals", "integral_of", "limit_of", "determinant_of"))
    _only(parsed, task, "variable", goes_with=("antiderivative_of", "derivative_of"))
    if parsed.reading == "exact":
        _only(parsed, "", "digits", goes_with=("reading: lenient",))
    elif parsed.up_to_constant or parsed.units or parsed.tolerance is not None:
        raise ProblemError("`lenient` does not go with `up_to_constant`, `units` or `tolerance`", field="reading")
    return parsed.model_copy(update={"tolerance": _tolerance(parsed.tolerance)})


def _text(value: JsonValue, name: str) -> JsonValue:
    """Integers in a task as text; decimals must be text already, so that they are taken exactly."""
    if isinstance(value, bool) or (name in ("solves", "steps") and not isinstance(value, dict)):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        raise ProblemError("put quotes round a decimal, so that it is taken exactly", field=name)
    if isinstance(value, list) and name != "unknowns":
        return [_text(item, f"{name}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        kept = ("count", "required", "all", "general", "unknowns")
        return {key: part if key in kept else _text(part, f"{name}.{key}") for key, part in value.items()}
    return value


def _only(spec: MathSpec, task: str, *names: str, goes_with: tuple[str, ...]) -> None:
    for name in names:
        default = MathSpec.model_fields[name].default
        if task not in goes_with and getattr(spec, name) != default:
            raise ProblemError(f"only goes with {' or '.join(f'`{g}`' for g in goes_with)}", field=name)


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
