"""The operand layer of the reader: literals, names, brackets, LaTeX commands and matrices."""

from __future__ import annotations

from fractions import Fraction

from modulo.verifiers.math_applied import FUNCTIONS, Applied, root
from modulo.verifiers.math_arithmetic import times
from modulo.verifiers.math_nodes import (
    Brackets,
    Call,
    Const,
    Div,
    Expr,
    FiniteSet,
    Matrix,
    Mul,
    Num,
    Obj,
    Sym,
    Text,
    is_expr,
    number,
)
from modulo.verifiers.math_tokens import GREEK, MathFault, Token, UnsupportedFault

__all__ = ["Operands"]

_BEYOND = frozenset(
    ["int", "iint", "oint", "sum", "prod", "lim", "det", "gcd", "lcm", "mod", "bmod", "pmod", "partial"]
)
_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac")
_CLOSERS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}


class Operands(Applied):
    """Reads what stands between operators."""

    def primary(self) -> Obj:
        """One operand."""
        self.deeper()
        found = self._operand()
        self.depth -= 1
        return found

    def _operand(self) -> Obj:
        token = self.next
        if token.kind == "num":
            return self._literal()
        if token.kind == "name":
            return self._name()
        if token.kind == "word":
            return self._word()
        if token.kind == "cmd":
            return self._command()
        if self.sees("|"):
            self.take()
            self.bars += 1
            inner = self.value(self.sum())
            self.bars -= 1
            self.expect("|")
            return Call("abs", (inner,))
        if self.sees("{") and self.latex:
            return self.group()
        if self.sees("(", "[", "\\{", "{"):
            return self.bracketed()
        if self.accept("∅"):
            return FiniteSet(())
        self.refuse("expected a number, a name or a bracket, found")

    def _literal(self) -> Expr:
        token = self.take()
        assert token.value is not None
        if self.sees("_"):
            self.take()
            base = self.index()
            if not (token.text.isdigit() and base.isdigit() and 2 <= int(base[:3]) <= 36):
                raise MathFault("a number with an index is read as digits and a base from 2 to 36")
            try:
                return number(int(token.text, int(base)))
            except ValueError:
                raise MathFault(f"{token.text[:20]} is no number in base {base}") from None
        if self.next.kind == "cmd" and self.next.text in _FRACTIONS and "." not in token.text:
            part = self._command()
            match part:
                case Div(Num(top), Num(bottom)) if top.denominator == 1 == bottom.denominator:
                    if not 0 < top < bottom:
                        raise MathFault("write \\cdot between a number and a fraction, unless it is a mixed number")
                    return Num(token.value + top / bottom)
            return times(Num(token.value), self.value(part))
        return Num(token.value)

    def group(self) -> Expr:
        """An expression in braces."""
        self.expect("{")
        inner = self.value(self.sum())
        self.expect("}")
        return inner

    def bracketed(self) -> Obj:
        """What stands in brackets: a value, tuple, interval, list, set or matrix."""
        left, bars, self.bars = self.take().text, self.bars, 0
        items: list[Obj] = []
        if not self.sees("}", "\\}"):
            items += self.statement() if left in ("{", "\\{") else [self.relation()]
            while self.accept(","):
                items += self.statement() if left in ("{", "\\{") else [self.relation()]
        self.bars = bars
        right = self.take().text
        if left in ("{", "\\{"):
            if right != _CLOSERS[left]:
                raise MathFault(f"{left!r} is closed by {right!r}")
            return FiniteSet(tuple(items))
        if right not in (")", "]"):
            raise MathFault(f"{left!r} is closed by {right!r}")
        if len(items) == 1:
            if right != _CLOSERS[left]:
                raise MathFault(f"{left!r} is closed by {right!r}")
            if is_expr(items[0]):
                return items[0]
            if not (left == "[" and isinstance(items[0], Brackets)):
                raise MathFault("brackets round something that is no value")
        return _matrix_or_brackets(left, tuple(items), right)

    def index(self) -> str:
        """The text of a subscript."""
        if self.accept("{"):
            parts = []
            while not self.sees("}"):
                if self.next.kind not in ("num", "name", "word"):
                    self.refuse("an index is letters and digits, found")
                parts.append(self.take().text)
            self.take()
            return "".join(parts)
        if self.next.kind not in ("num", "name") or (self.latex and len(self.next.text) > 1):
            self.refuse("an index is a letter or a digit, or stands in braces; found")
        return self.take().text

    def _name(self) -> Obj:
        text = self.next.text
        if text in self.declared:
            return self.symbol(self.take().text)
        if text in FUNCTIONS and (text not in GREEK or self.peek(1).text == "("):
            return self.function(FUNCTIONS[text])
        if text in ("pi", "Pi", "PI"):
            self.take()
            return Const("pi")
        if text in ("oo", "inf", "infinity", "Infinity"):
            self.take()
            return Const("oo")
        if text in ("e", "i", "I"):
            self.take()
            return Const(text.lower())
        if len(text) == 1 or text in GREEK or text in self.names:
            return self.symbol(self.take().text)
        return self._run_together(text)

    def _run_together(self, text: str) -> Obj:
        """`xy`: one letter now, the rest as the next token."""
        known = self.names | {"e", "i"}
        if not self.latex and not all(letter in known for letter in text):
            raise MathFault(f"the name {text[:40]!r} is not known; write products with *, as in x*y")
        self.tokens[self.at : self.at + 1] = [Token("name", letter) for letter in text]
        return self._name()

    def symbol(self, name: str) -> Sym:
        """A variable with its index, if any."""
        if self.sees("_"):
            self.take()
            name = f"{name}_{self.index()}"
        if self.next.kind == "num":
            self.refuse(f"put an operator or _ between {name} and")
        return Sym(name)

    def _word(self) -> Obj:
        text = self.next.text
        if text in FUNCTIONS:
            return self.function(FUNCTIONS[text])
        self.take()
        text = text.removeprefix("(").removesuffix(")")
        if text in ("e", "i") and text not in self.declared:
            return Const(text)
        if len(text) == 1 and text.isalpha():
            return self.symbol(text)
        if self.at == 1 and self.next.kind == "end" and text:
            return Text(text.lower())
        raise MathFault(f"leave out the words or units {text[:40]!r} and give the bare value")

    def _command(self) -> Obj:
        name = self.next.text
        if name in _FRACTIONS:
            self.take()
            top, bottom = self.argument(), self.argument()
            if top == Sym("d") and isinstance(bottom, Mul) and bottom.args[0] == Sym("d"):
                raise UnsupportedFault("a derivative is not carried out here")
            return Div(top, bottom)
        if name in ("binom", "dbinom", "tbinom"):
            self.take()
            return Call("binomial", (self.argument(), self.argument()))
        if name == "sqrt":
            self.take()
            index: Expr = number(2)
            if self.accept("["):
                index = self.value(self.sum())
                self.expect("]")
            inner = self.argument() if not self.sees("(") else self.value(self.bracketed())
            return root(inner, index)
        if name in ("lfloor", "lceil"):
            self.take()
            inner = self.value(self.sum())
            if self.take() != Token("cmd", name.replace("l", "r", 1)):
                raise MathFault(f"\\{name} is not closed")
            return Call("floor" if name == "lfloor" else "ceil", (inner,))
        if name in FUNCTIONS and name not in GREEK:
            return self.function(FUNCTIONS[name])
        if name.startswith("begin:"):
            return self._matrix()
        self.take()
        if name == "pi":
            return Const("pi")
        if name == "infty":
            return Const("oo")
        if name in GREEK:
            return self.symbol(name)
        fault = UnsupportedFault if name in _BEYOND else MathFault
        raise fault(f"\\{name[:40]} is not understood here")

    def argument(self) -> Expr:
        r"""What `\frac` and its like take: a group in braces, or one digit, letter or command."""
        if self.sees("{"):
            return self.group()
        token = self.next
        if token.kind == "num" and token.text.isdigit() and len(token.text) > 1:
            first, rest = token.text[0], token.text[1:]
            self.tokens[self.at : self.at + 1] = [
                Token("num", first, Fraction(int(first))),
                Token("num", rest, Fraction(int(rest))),
            ]
        if self.next.kind == "name" and len(self.next.text) > 1:
            self.tokens[self.at : self.at + 1] = [Token("name", c) for c in self.next.text]
        if self.next.kind not in ("num", "name", "cmd"):
            self.refuse("expected an argument in braces, found")
        token = self.next
        if token.kind == "num":
            self.take()
            return Num(token.value or Fraction(0))
        return self.value(self.primary())

    def _matrix(self) -> Matrix:
        environment = self.take().text.removeprefix("begin:")
        if environment not in ("matrix", "pmatrix", "bmatrix", "smallmatrix"):
            raise UnsupportedFault(f"the environment {environment[:20]!r} is not understood")
        rows: list[list[Expr]] = [[self.value(self.sum())]]
        while self.next != Token("cmd", f"end:{environment}"):
            if self.accept("&"):
                rows[-1].append(self.value(self.sum()))
            elif self.accept("\\\\"):
                if self.next != Token("cmd", f"end:{environment}"):
                    rows.append([self.value(self.sum())])
            else:
                self.refuse("expected & or \\\\ in a matrix, found")
        self.take()
        if len({len(row) for row in rows}) != 1:
            raise MathFault("the rows of the matrix differ in length")
        return Matrix(tuple(tuple(row) for row in rows))


def _matrix_or_brackets(left: str, items: tuple[Obj, ...], right: str) -> Obj:
    rows = [item.items for item in items if isinstance(item, Brackets) and (item.left, item.right) == ("[", "]")]
    square = (left, right) == ("[", "]") and len(rows) == len(items) and len({len(row) for row in rows}) == 1
    if square and all(is_expr(entry) for row in rows for entry in row):
        return Matrix(tuple(rows))  # type: ignore[arg-type]
    return Brackets(left, items, right)
