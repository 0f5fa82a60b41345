"""From a JSON answer to the values of a spec's constants: fast for an answer that fits, in words for one that does not.

Runs in a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from modulo.verifiers.smt_semantics import MAX_CHAR
from modulo.verifiers.smt_values import BindError, Variable, bind
from modulo.verifiers.strict_json import StrictJsonError, loads, shorten

__all__ = ["Binder", "MisfitError", "read"]

_MAX_FAULTS = 200


class MisfitError(ValueError):
    """The answer does not give every constant one value of its sort.

    Attributes:
        critiques: where, and what is wanted.
        values: of the constants that have one, if that is all that is wrong.
    """

    def __init__(self, critiques: list[dict[str, Any]], values: dict[str, Any] | None = None) -> None:
        self.critiques, self.values = critiques[:_MAX_FAULTS], values or {}
        super().__init__(critiques[0]["message"])


def read(candidate: str) -> Any:
    """The JSON value of a candidate, whole numbers as `int`, others as `strict_json.Number`.

    Raises:
        MisfitError: it is not one JSON value.
    """
    try:
        return loads(candidate, integer=int)
    except StrictJsonError as error:
        raise MisfitError([{"message": str(error)}]) from None


class Binder:
    """Binds answers to the constants of one spec."""

    def __init__(self, variables: Sequence[Variable]) -> None:
        self._variables = variables
        names = [variable.name for variable in variables]
        self._names = frozenset(names)
        self._get = itemgetter(*names) if len(names) > 1 else lambda answer: tuple(answer[name] for name in names)
        self._convert = _converter(variables)

    def __call__(self, answer: Any) -> tuple[Any, ...]:
        """The constants' values, in the order of the spec.

        Raises:
            MisfitError: something is missing, unknown or of another type.
        """
        if type(answer) is dict and len(answer) == len(self._variables):
            try:
                return self._convert(self._get(answer))
            except (KeyError, BindError):
                pass  # to be said in words
        values, faults, missing = self._slowly(answer)
        if faults or missing:
            raise MisfitError([*map(_missing, missing), *faults], None if faults else values)
        return tuple(values[variable.name] for variable in self._variables)

    def _slowly(self, answer: Any) -> tuple[dict[str, Any], list[dict[str, Any]], list[Variable]]:
        """The values that fit, what is wrong with the others, and the constants that have none."""
        known = shorten(", ".join(variable.name for variable in self._variables), 200)
        if not isinstance(answer, dict):
            return {}, [{"message": f"the answer must be one JSON object with the keys {known}"}], []
        values: dict[str, Any] = {}
        faults: list[dict[str, Any]] = []
        missing = []
        for variable in self._variables:
            name = variable.name
            if name not in answer:
                missing.append(variable)
                continue
            try:
                values[name] = bind(name, variable.sort, answer[name])
            except BindError as error:
                faults.append({"message": str(error), "locus": name})
        faults.extend(
            {"message": f"no constant is named {shorten(key)!r}; the constants are {known}"}
            for key in answer
            if key not in self._names
        )
        return values, faults, missing


def _missing(variable: Variable) -> dict[str, Any]:
    return {"message": f"{variable.name} is missing; it must be {variable.sort.wants}", "locus": variable.name}


def _converter(variables: Sequence[Variable]) -> Callable[[Any], tuple[Any, ...]]:
    """A function from the tuple of JSON values to the tuple of Python values; raises where one does not fit.

    As with constraints, its source holds numbers and names made here, and nothing else.
    """
    names: dict[str, Any] = {"__builtins__": {}, "type": type, "int": int, "bool": bool, "str": str, "max": max}
    names |= {"Misfit": BindError, "bind": bind}
    lines = ["def convert(v):", *(f" v{i} = v[{i}]" for i in range(len(variables)))]
    for i, variable in enumerate(variables):
        sort = variable.sort
        low: Any = 0 if sort.kind == "bitvec" else sort.low
        high: Any = (1 << sort.width) - 1 if sort.kind == "bitvec" else sort.high
        if sort.kind in ("int", "bitvec") and max(abs(low or 0), abs(high or 0)) < 1 << 64:
            bounds = [f"v{i} >= {low}"] * (low is not None) + [f"v{i} <= {high}"] * (high is not None)
            test = " and ".join([f"type(v{i}) is int", *bounds])
            if sort.kind == "bitvec":
                lines += [f" if not ({test}): v{i} = bind('', s{i}, v{i})"]
            else:
                lines += [f" if not ({test}): raise Misfit"]
        elif sort.kind == "bool":
            lines += [f" if type(v{i}) is not bool: raise Misfit"]
        elif sort.kind == "enum":
            names[f"e{i}"] = dict(zip(sort.names, sort.codes, strict=True))
            lines += [f" if type(v{i}) is not str: raise Misfit", f" v{i} = e{i}[v{i}]"]
        elif sort.kind == "string":
            lines += [f" if type(v{i}) is not str or max(v{i}, default='') > c: raise Misfit"]
        else:
            lines += [f" v{i} = bind('', s{i}, v{i})"]
        names[f"s{i}"] = sort
    names["c"] = chr(MAX_CHAR)
    lines.append(f" return ({''.join(f'v{i}, ' for i in range(len(variables)))})")
    exec(compile("\n".join(lines), "<binding>", "exec", dont_inherit=True), names)
    convert: Callable[[Any], tuple[Any, ...]] = names["convert"]
    return convert
