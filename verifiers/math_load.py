"""Checks of a `math` spec when it is loaded: everything in it can be read and fits together."""

from __future__ import annotations

from typing import Any

from modulo.errors import ProblemError
from modulo.verifiers.math_nodes import Equation, Expr, Matrix, Obj, is_expr, number, symbols
from modulo.verifiers.math_read import MathFault, read
from modulo.verifiers.math_spec import MathSpec

__all__ = ["loaded"]

_CONSTANT = "C"


def loaded(spec: MathSpec) -> MathSpec:
    """The spec, checked, with what it left open filled in.

    Raises:
        ProblemError: names the field and the fix.
    """
    task = spec.task
    update: dict[str, Any] = {}
    if task == "equals":
        update = _equals(spec)
    elif task in ("antiderivative_of", "derivative_of"):
        update = _calculus(spec, task)
    elif task == "steps":
        _steps(spec)
    elif task == "integral_of":
        update = _integral(spec)
    elif task == "limit_of":
        update = _limit(spec)
    elif task == "solves":
        update = _solves(spec)
    elif task in ("inverse_of", "determinant_of", "eigenvalues_of", "eigenvector_of", "linear_system"):
        _linear(spec, task)
    elif task == "ode":
        _ode(spec)
    return spec.model_copy(update=update)


def _solves(spec: MathSpec) -> dict[str, Any]:
    assert spec.solves is not None
    texts = [spec.solves.equation] if isinstance(spec.solves.equation, str) else spec.solves.equation
    if not texts:
        raise ProblemError("give at least one equation", field="solves.equation")
    equations: list[Equation] = []
    for text in texts:
        found = readable(text, "solves.equation", spec)
        if not isinstance(found, Equation) or not is_expr(found.right):
            raise ProblemError(f"{text!r} is no equation; write it as left = right", field="solves.equation")
        equations.append(found)
    names = frozenset[str]().union(*map(symbols, equations))
    unknowns = spec.solves.unknowns if spec.solves.unknowns is not None else sorted(names)
    if not unknowns or not set(unknowns) <= names or len(set(unknowns)) != len(unknowns):
        raise ProblemError("name the unknowns, each of which stands in an equation", field="solves.unknowns")
    count = spec.solves.count
    if spec.solves.all and count is None:
        from modulo.verifiers.math_solve import countable, counted

        if not countable(equations, unknowns):
            fix = "give `count`, or `all: false` for any one solution"
            raise ProblemError(f"how many solutions there are cannot be told from the equations; {fix}", field="solves")
        if len(unknowns) > 1 and names == set(unknowns) and not spec.variables:
            count = counted(equations, unknowns)
    return {"solves": spec.solves.model_copy(update={"equation": texts, "unknowns": unknowns, "count": count})}


def _integral(spec: MathSpec) -> dict[str, Any]:
    from modulo.verifiers.math_integral import integral

    assert spec.integral_of is not None
    given = spec.integral_of
    integrand = expression(given.expression, "integral_of.expression", spec)
    variable = only_variable(symbols(integrand), given.variable, "integral_of.variable", "integration")
    if symbols(integrand) - {variable}:
        raise ProblemError("must have no other variable", field="integral_of.expression")
    low, high = (
        expression(text, f"integral_of.{name}", spec) for name, text in (("from", given.from_), ("to", given.to))
    )
    ball = integral(integrand, variable, low, high, 64)
    if ball is None or not ball.rad() < 0.001:
        message = "cannot be certified: it must be a proper integral of a real function"
        raise ProblemError(message, field="integral_of")
    return {"integral_of": given.model_copy(update={"variable": variable})}


def _limit(spec: MathSpec) -> dict[str, Any]:
    assert spec.limit_of is not None
    given = spec.limit_of
    found = expression(given.expression, "limit_of.expression", spec)
    variable = only_variable(symbols(found), given.variable, "limit_of.variable", "the limit")
    to = readable(given.to, "limit_of.to", spec)
    if not is_expr(to) or variable in symbols(to):
        raise ProblemError("must be a value, oo or -oo", field="limit_of.to")
    return {"limit_of": given.model_copy(update={"variable": variable})}


def _linear(spec: MathSpec, task: str) -> None:
    from modulo.verifiers.math_equal import Settings, compare
    from modulo.verifiers.math_linear import MAX_SIZE, determinant, vector

    value = getattr(spec, task)
    text, field = (value, task) if isinstance(value, str) else (value.matrix, f"{task}.matrix")
    matrix = readable(text, field, spec)
    if not isinstance(matrix, Matrix):
        raise ProblemError("must be a matrix, such as [[1, 2], [3, 4]]", field=field)
    rows, columns = len(matrix.rows), len(matrix.rows[0])
    if spec.linear_system is not None:
        right = vector(readable(spec.linear_system.right, "linear_system.right", spec))
        if right is None or len(right) != rows:
            raise ProblemError(f"must be a vector of {rows} entries, such as (1, 2)", field="linear_system.right")
        return
    if rows != columns or rows > MAX_SIZE:
        raise ProblemError(f"must be square, with at most {MAX_SIZE} rows", field=field)
    if spec.eigenvector_of is not None and spec.eigenvector_of.value is not None:
        expression(spec.eigenvector_of.value, "eigenvector_of.value", spec)
    if task == "inverse_of" and compare(determinant(matrix.rows), number(0), Settings()).verdict == "equal":
        raise ProblemError("has no inverse: its determinant is 0", field=field)


def _ode(spec: MathSpec) -> None:
    from modulo.verifiers.math_ode import condition, order_of, rewritten

    assert spec.ode is not None
    function = spec.ode.function
    found = readable(rewritten(spec.ode.equation, function, spec.ode.variable), "ode.equation", spec)
    if not isinstance(found, Equation) or not is_expr(found.right):
        raise ProblemError("must be an equation, such as y'' + y = 0", field="ode.equation")
    if not 1 <= order_of(found, function) <= 6:
        message = (
            f"holds no derivative of {function} of order 1 to 6, such as {function}' or \\frac{{d{function}}}{{dx}}"
        )
        raise ProblemError(message, field="ode.equation")
    for key, value in spec.ode.initial.items():
        parsed = condition(key, function)
        if parsed is None or parsed[0] > 6:
            raise ProblemError(f"name the value, such as {function}(0) or {function}'(0)", field=f"ode.initial.{key}")
        expression(parsed[1], f"ode.initial.{key}", spec)
        expression(value, f"ode.initial.{key}", spec)


def _steps(spec: MathSpec) -> None:
    assert spec.steps is not None
    if spec.steps.answer is not None:
        readable(spec.steps.answer, "steps.answer", spec)
    for index, text in enumerate(spec.steps.given):
        if not isinstance(readable(text, f"steps.given[{index}]", spec), Equation):
            raise ProblemError("must be an equation", field=f"steps.given[{index}]")


def readable(text: str, field: str, spec: MathSpec) -> Obj:
    """A text of the spec as mathematics."""
    try:
        return read(text, declared=frozenset(spec.variables))
    except MathFault as fault:
        raise ProblemError(f"cannot be read as mathematics: {fault}", field=field) from None


def expression(text: str, field: str, spec: MathSpec) -> Expr:
    """A text of the spec as one expression."""
    found = readable(text, field, spec)
    if not is_expr(found):
        raise ProblemError("must be one expression", field=field)
    return found  # type: ignore[return-value]


def only_variable(names: frozenset[str], given: str | None, field: str, what: str) -> str:
    """The variable that is given, or the only one there is."""
    if given is None and len(names) != 1:
        raise ProblemError(f"name the variable of {what}, such as `variable: x`", field=field)
    return given or next(iter(names))


def _equals(spec: MathSpec) -> dict[str, Any]:
    assert spec.equals is not None
    if spec.reading == "lenient":
        from modulo.verifiers.math_lenient import finals, tidied

        if not any(tidied(final) for final in finals(spec.equals)):
            raise ProblemError("holds no answer", field="equals")
        return {}
    if (quantity := _quantity(spec)) is not None:
        return quantity
    found = readable(spec.equals, "equals", spec)
    if spec.up_to_constant and not (is_expr(found) and symbols(found) - {_CONSTANT}):
        raise ProblemError("needs a reference that is one expression with a variable", field="up_to_constant")
    return {}


def _quantity(spec: MathSpec) -> dict[str, Any] | None:
    """`{"units": True}` for a quantity, `None` for a bare value."""
    from modulo.verifiers.math_unit_names import UnitError
    from modulo.verifiers.math_units import looks_like_quantity, quantity

    assert spec.equals is not None
    if spec.units is False or (spec.units is None and (spec.variables or not looks_like_quantity(spec.equals))):
        return None
    if spec.up_to_constant:
        raise ProblemError("does not go with a unit", field="up_to_constant")
    try:
        quantity(spec.equals)
    except (UnitError, MathFault) as error:
        raise ProblemError(f"is no quantity: {error}", field="equals") from None
    return {"units": True}


def _calculus(spec: MathSpec, task: str) -> dict[str, Any]:
    found = expression(getattr(spec, task), task, spec)
    what = "integration" if task == "antiderivative_of" else "differentiation"
    variable = only_variable(symbols(found), spec.variable, "variable", what)
    if task == "derivative_of":
        from modulo.verifiers.math_diff import NotDifferentiableError, derivative

        try:
            derivative(found, variable)
        except NotDifferentiableError as error:
            raise ProblemError(f"{error} has no derivative by the rules", field=task) from None
    return {"variable": variable}
