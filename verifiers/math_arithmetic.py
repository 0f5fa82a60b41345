"""The arithmetic layer of the reader: sums, products, powers and postfix signs over operands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NoReturn

from modulo.verifiers.math_nodes import Add, Call, Const, Div, Expr, Mul, Obj, Pow, is_expr, negated, number
from modulo.verifiers.math_tokens import MathFault, Token

__all__ = ["Arithmetic", "times"]

_MAX_DEPTH = 80


class Arithmetic(ABC):
    """A cursor over tokens that reads expressions; operands and statements come from the layers above."""

    def __init__(self, tokens: list[Token], *, latex: bool, names: frozenset[str], declared: frozenset[str]) -> None:
        self.tokens, self.at, self.latex = tokens, 0, latex
        self.names, self.declared = names, declared
        self.depth = self.bars = 0

    @abstractmethod
    def primary(self) -> Obj:
        """An operand: a number, a name, a function, something in brackets."""

    @abstractmethod
    def group(self) -> Expr:
        """An expression in braces."""

    @abstractmethod
    def relation(self) -> Obj:
        """Sides joined by relation signs, with any `±` left in."""

    @abstractmethod
    def statement(self) -> list[Obj]:
        """One statement, or two if it holds a `±`."""

    @property
    def next(self) -> Token:
        """The token under the cursor."""
        return self.tokens[self.at]

    def peek(self, offset: int) -> Token:
        """A token further on."""
        return self.tokens[min(self.at + offset, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The token under the cursor, which moves on."""
        token = self.next
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def sees(self, *operators: str) -> bool:
        """Whether one of these operators is next."""
        return self.next.kind == "op" and self.next.text in operators

    def accept(self, *operators: str) -> str:
        """Take one of these operators if it is next, else ""."""
        return self.take().text if self.sees(*operators) else ""

    def expect(self, operator: str) -> None:
        """Take this operator, which must be next."""
        if not self.accept(operator):
            self.refuse(f"expected {operator!r} before")

    def refuse(self, why: str) -> NoReturn:
        """Raise a fault about the next token."""
        raise MathFault(f"{why} {self.next.text!r}")

    def value(self, obj: Obj) -> Expr:
        """The object as a single finite value, which it must be."""
        if not is_expr(obj):
            raise MathFault("a set, interval, tuple or equation stands where a single value is expected")
        if is_infinity(obj):
            raise MathFault("infinity can only stand alone or as the end of an interval")
        return obj  # type: ignore[return-value]

    def deeper(self) -> None:
        """One level of nesting more, up to a cap that keeps the stack small."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise MathFault("it is nested too deeply")

    def sum(self) -> Obj:
        """Terms joined by `+`, `-` and `±`."""
        self.deeper()
        if self.accept("±"):
            first: Obj = Call("±", (self.value(self.product()),))
        else:
            first = self.product()
        terms = [first]
        while operator := self.accept("+", "-", "±"):
            term = self.value(self.product())
            terms.append(term if operator == "+" else negated(term) if operator == "-" else Call("±", (term,)))
        self.depth -= 1
        return first if len(terms) == 1 else Add(tuple(self.value(term) for term in terms))

    def product(self) -> Obj:
        """Factors joined by `*`, `/` or nothing, from left to right."""
        first = self.signed()
        if not self.goes_on(first):
            return first
        result = self.value(first)
        while True:
            if self.accept("*"):
                result = times(result, self.value(self.signed()))
            elif self.accept("/"):
                result = Div(result, self.value(self.signed()))
            elif self.starts_operand():
                if self.next.kind == "num":
                    self.refuse("put an operator before the number")
                result = times(result, self.value(self.power()))
            else:
                return result

    def goes_on(self, left: Obj) -> bool:
        """Whether another factor follows."""
        union = not is_expr(left) and self.next == Token("name", "U")
        return not union and (self.sees("*", "/") or self.starts_operand())

    def starts_operand(self) -> bool:
        """Whether an operand can start here."""
        token = self.next
        if token.kind in ("num", "cmd"):
            return not token.text.startswith("end:") and token.text not in ("rfloor", "rceil")
        if token.kind in ("name", "word"):
            return token.text.strip(" ,") not in ("or", "and")
        return self.sees("(", "[", "\\{", "{", "∅") or (self.sees("|") and not self.bars)

    def signed(self) -> Obj:
        """A power with signs in front."""
        minus = False
        while sign := self.accept("-", "+"):
            minus ^= sign == "-"
        operand = self.power()
        if not minus:
            return operand
        return Mul((number(-1), Const("oo"))) if is_infinity(operand) else negated(self.value(operand))

    def power(self) -> Obj:
        """A base with its exponent, if any."""
        base = self.postfix()
        if not self.sees("^"):
            return base
        self.take()
        return Pow(self.value(base), self.exponent())

    def exponent(self) -> Expr:
        """What stands after `^`; in LaTeX one digit, letter or group."""
        if self.latex and self.next.kind == "num" and len(self.next.text) > 1:
            raise MathFault("put braces round an exponent of more than one digit")
        if self.latex and self.sees("-"):
            raise MathFault("put braces round a negative exponent")
        self.deeper()
        minus = False
        while sign := self.accept("-", "+"):
            minus ^= sign == "-"
        exponent = self.group() if self.sees("{") else self.value(self.power())
        self.depth -= 1
        if self.sees("^"):
            self.take()
            exponent = Pow(exponent, self.exponent())
        return negated(exponent) if minus else exponent

    def postfix(self) -> Obj:
        """An operand with `!`, `%` or a degree sign behind it."""
        literal = self.next.kind == "num"
        operand = self.primary()
        while True:
            if self.sees("!"):
                self.take()
                if self.sees("!", "="):
                    raise MathFault("double factorials and != are not understood")
                operand = Call("factorial", (self.value(operand),))
            elif self.sees("%"):
                self.take()
                if not literal or self.starts_operand():
                    raise MathFault("% only stands after a number")
                operand = Div(self.value(operand), number(100))
            elif degrees := self._degree_sign():
                self.at += degrees
                operand = Div(times(self.value(operand), Const("pi")), number(180))
            elif self.sees("'"):
                raise MathFault("primes are not understood")
            else:
                return operand
            literal = False

    def _degree_sign(self) -> int:
        """How many tokens a degree sign takes here: `°`, `^\\circ` or `^{\\circ}`."""
        if self.sees("°"):
            return 1
        if self.sees("^") and self.peek(1) == Token("cmd", "circ"):
            return 2
        if self.sees("^") and self.peek(2) == Token("cmd", "circ") and self.peek(1).text == "{":
            return 4
        return 0


def times(left: Expr, right: Expr) -> Expr:
    """A product, kept flat on the left."""
    head = left.args if isinstance(left, Mul) else (left,)
    return Mul((*head, right))


def is_infinity(obj: Obj) -> bool:
    return isinstance(obj, Const) and obj.name == "oo"
