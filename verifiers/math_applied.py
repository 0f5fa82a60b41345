"""The function layer of the reader: names of functions and how they take their arguments."""

from __future__ import annotations

from abc import abstractmethod

from modulo.verifiers.math_arithmetic import Arithmetic
from modulo.verifiers.math_nodes import Call, Const, Div, Expr, Mul, Num, Pow, number
from modulo.verifiers.math_tokens import GREEK, MathFault

__all__ = ["FUNCTIONS", "Applied", "root"]

_TRIG = ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch")
_INVERSES = {f"{p}{t}": f"a{t}" for t in _TRIG for p in ("arc", "ar", "a")} | {"argsinh": "asinh"}
FUNCTIONS = (
    {t: t for t in _TRIG}
    | _INVERSES
    | {
        n: n
        for n in ("exp", "sqrt", "cbrt", "abs", "sign", "floor", "factorial", "erf", "gamma", "log", "binomial", "root")
    }
    | {"ln": "log", "lg": "log10", "log10": "log10", "log2": "log2", "Abs": "abs", "sgn": "sign", "ceil": "ceil"}
    | {"ceiling": "ceil", "binom": "binomial", "max": "max", "min": "min", "Max": "max", "Min": "min"}
)
_ARGUMENTS = {"log": (1, 2), "root": (2, 2), "binomial": (2, 2), "max": (1, 20), "min": (1, 20)}


class Applied(Arithmetic):
    """Reads applications of functions, with and without brackets."""

    @abstractmethod
    def argument(self) -> Expr:
        """What a LaTeX command takes: a group in braces, or one digit, letter or command."""

    def function(self, name: str) -> Expr:
        """A function from its name on, with a power between name and argument if there is one."""
        self.take()
        base: Expr | None = {"log10": number(10), "log2": number(2)}.get(name)
        if self.sees("_") and name == "log":
            self.take()
            base = self.group() if self.sees("{") else self.argument()
        power: Expr | None = None
        if self.sees("^"):
            self.take()
            power = self.exponent()
            if power == number(-1) and name in _TRIG:
                name, power = f"a{name}", None
            elif not isinstance(power, Num) or power.value < 1 or name in ("sqrt", "exp"):
                raise MathFault(f"write a power of {name} as ({name}(x))^n")
        arguments = self._arguments(name)
        least, most = _ARGUMENTS.get(name, (1, 1))
        if not least <= len(arguments) <= most:
            raise MathFault(f"{name} does not take {len(arguments)} arguments")
        result = _call(name, arguments, base)
        return result if power is None else Pow(result, power)

    def _arguments(self, name: str) -> list[Expr]:
        if self.sees("(", "["):
            closer, bars, self.bars = {"(": ")", "[": "]"}[self.take().text], self.bars, 0
            found = [self.value(self.sum())]
            while self.accept(","):
                found.append(self.value(self.sum()))
            self.expect(closer)
            self.bars = bars
            return found
        if self.sees("{"):
            return [self.group()]
        return [self._bare_argument(name)]

    def _bare_argument(self, name: str) -> Expr:
        """The factors after a function's name, up to an operator, a bracket or the next function."""
        if name == "sqrt":
            return self.value(self.postfix())
        factors = [self.value(self.power())]
        while self.starts_operand() and not self.sees("(", "[", "{", "\\{", "|") and not self._at_function():
            if self.next.kind == "num":
                self.refuse("put an operator before the number")
            factors.append(self.value(self.power()))
        if self.sees("(", "[") and all(isinstance(f, Num) for f in factors):
            raise MathFault(f"put brackets round the argument of {name}")
        return factors[0] if len(factors) == 1 else Mul(tuple(factors))

    def _at_function(self) -> bool:
        token = self.next
        named = token.text in FUNCTIONS and token.text not in GREEK and token.text not in self.declared
        return named and token.text != "sqrt" and token.kind in ("name", "cmd", "word")


def root(inner: Expr, index: Expr) -> Expr:
    """The root of a given index, an integer from 2 to 1000."""
    if not isinstance(index, Num) or index.value.denominator != 1 or not 2 <= index.value <= 1000:
        raise MathFault("the index of a root is an integer from 2 to 1000")
    return Call("root", (inner, index))


def _call(name: str, arguments: list[Expr], base: Expr | None) -> Expr:
    first = arguments[0]
    if name in ("log", "log10", "log2"):
        base = arguments[1] if len(arguments) == 2 else base
        return Call("log", (first,)) if base is None else Div(Call("log", (first,)), Call("log", (base,)))
    if name == "exp":
        return Pow(Const("e"), first)
    if name in ("sqrt", "cbrt"):
        return root(first, number(2 if name == "sqrt" else 3))
    if name == "root":
        return root(first, arguments[1])
    reciprocal = {"acot": "atan", "asec": "acos", "acsc": "asin", "acoth": "atanh", "asech": "acosh", "acsch": "asinh"}
    if name in reciprocal:
        return Call(reciprocal[name], (Div(number(1), first),))
    return Call(name, tuple(arguments))
