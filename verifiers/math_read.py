r"""Mathematical text, plain or LaTeX, to expression trees. Nothing is evaluated, and the whole text must be read.

One grammar for both notations, so that a reference in one and a candidate in the other mean the same:

- numbers are exact (`0.5` is 1/2; `1,000` outside brackets is a thousand; `50%` is 1/2; `\$` in front is dropped);
- `log` and `\log` are natural, `\log_b`, `log10` and `log2` say their base; `e` is Euler's number, `i` the imaginary
  unit unless declared as a variable; `90°` is π/2;
- products bind from left to right, written or not: `1/2x` is x/2; `sin 2x` is sin(2x), `sin x/2` is sin(x)/2;
- `2\frac{1}{2}` is the mixed number 5/2; `\pm` gives a set of two; a bare list is a set; `x = 3` is an equation.

What could be read in two ways is refused with words that say how to write it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NoReturn

from modulo.verifiers.math_nodes import (
    Add,
    Brackets,
    Call,
    Const,
    Div,
    Equation,
    Expr,
    FiniteSet,
    Matrix,
    Mul,
    Num,
    Obj,
    Pow,
    Relation,
    Sym,
    Text,
    Union,
    negated,
    number,
    size,
)
from modulo.verifiers.math_tokens import GREEK, MathFault, Token, UnsupportedFault, tokenize, unwrapped

__all__ = ["MathFault", "UnsupportedFault", "is_expr", "read"]

_MAX_DEPTH = 40
_MAX_NODES = 6_000
_TRIG = ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch")
_INVERSES = {f"{p}{t}": f"a{t}" for t in _TRIG for p in ("arc", "ar", "a")} | {"argsinh": "asinh"}
_FUNCTIONS = (
    {t: t for t in _TRIG}
    | _INVERSES
    | {n: n for n in ("exp", "sqrt", "cbrt", "abs", "sign", "floor", "factorial", "erf", "gamma", "log", "binomial", "root")}
    | {"ln": "log", "lg": "log10", "log10": "log10", "log2": "log2", "Abs": "abs", "sgn": "sign", "ceil": "ceil"}
    | {"ceiling": "ceil", "binom": "binomial", "max": "max", "min": "min", "Max": "max", "Min": "min"}
)
_ARGUMENTS = {"log": (1, 2), "root": (2, 2), "binomial": (2, 2), "max": (1, 20), "min": (1, 20)}
_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac")
_GREEK_FUNCTIONS = {"gamma"}
_CLOSERS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}


def read(text: str, *, names: frozenset[str] = frozenset(), declared: frozenset[str] = frozenset()) -> Obj:
    """Read one answer.

    Args:
        text: at most 10,000 characters.
        names: variables the problem uses: in plain text `xy` is a product only of these.
        declared: names that are variables even if they would mean something else (`i`, `e`).

    Raises:
        MathFault: not mathematics, ambiguous, or outside the grammar.
    """
    body = unwrapped(text)
    if not body:
        raise MathFault("it is empty")
    latex = "\\" in body
    found = _Reader(tokenize(body, latex=latex), latex=latex, names=names | declared, declared=declared).whole()
    if size(found) > _MAX_NODES:
        raise MathFault("it is far too long")
    return found


def is_expr(obj: Obj) -> bool:
    """True of a single value, as opposed to sets, equations and the like."""
    return isinstance(obj, Num | Const | Sym | Add | Mul | Div | Pow | Call)


def _is_infinity(obj: Obj) -> bool:
    return isinstance(obj, Const) and obj.name == "oo"


class _Reader:
    def __init__(self, tokens: list[Token], *, latex: bool, names: frozenset[str], declared: frozenset[str]) -> None:
        self._tokens, self._at, self._latex = tokens, 0, latex
        self._names, self._declared = names, declared
        self._depth = self._bars = 0

    # tokens ---------------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _peek(self, offset: int) -> Token:
        return self._tokens[min(self._at + offset, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _is(self, *operators: str) -> bool:
        return self._next.kind == "op" and self._next.text in operators

    def _accept(self, *operators: str) -> str:
        return self._take().text if self._is(*operators) else ""

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            self._refuse(f"expected {operator!r} before")

    def _refuse(self, why: str) -> NoReturn:
        raise MathFault(f"{why} {self._next.text!r}")

    # statements -----------------------------------------------------------------------------------------------------

    def whole(self) -> Obj:
        items = [*self._statement()]
        while self._accept(",", ";") or self._separator():
            items += self._statement()
        if self._next.kind != "end":
            self._refuse("the text goes on after its end with")
        return items[0] if len(items) == 1 else FiniteSet(tuple(items))

    def _separator(self) -> bool:
        token = self._next
        if token.kind in ("word", "name") and token.text.strip(" ,") in ("or", "and"):
            self._take()
            return True
        return False

    def _statement(self) -> list[Obj]:
        """One statement, or two if it holds a `±`."""
        label = self._function_label()
        start, sides, operators = self._at, [label or self._side()], []
        while operator := self._accept("=", "<", ">", "<=", ">=", "∈"):
            operators.append(operator)
            sides.append(self._side())
        signs = sum(token.text == "±" and token.kind == "op" for token in self._tokens[start : self._at])
        if signs > 1:
            raise MathFault("more than one ± in one expression; list the values instead")
        found = _related(sides, operators)
        return [_with_sign(found, positive=True), _with_sign(found, positive=False)] if signs else [found]

    def _function_label(self) -> Obj | None:
        """`f(x)` in front of an `=`."""
        kinds = [self._peek(i) for i in range(5)]
        if (
            [t.text for t in kinds[1::2]] == ["(", ")"]
            and kinds[4].text == "="
            and all(t.kind == "name" and len(t.text) == 1 for t in (kinds[0], kinds[2]))
        ):
            self._at += 4
            return Sym(f"{kinds[0].text}({kinds[2].text})")
        return None

    def _side(self) -> Obj:
        first = self._sum()
        parts = [first]
        while not is_expr(first) and (self._accept("∪") or (self._next == Token("name", "U") and self._take())):
            parts.append(self._sum())
        if len(parts) == 1:
            return first
        if any(not isinstance(part, Brackets | FiniteSet) for part in parts):
            raise MathFault("∪ joins intervals or sets")
        return Union(tuple(parts))

    # arithmetic -----------------------------------------------------------------------------------------------------

    def _value(self, obj: Obj) -> Expr:
        if not is_expr(obj):
            raise MathFault("a set, interval, tuple or equation stands where a single value is expected")
        if _is_infinity(obj):
            raise MathFault("infinity can only stand alone or as the end of an interval")
        return obj  # type: ignore[return-value]

    def _sum(self) -> Obj:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise MathFault("it is nested too deeply")
        if self._accept("±"):
            first: Obj = Call("±", (self._value(self._product()),))
        else:
            first = self._product()
        terms = [first]
        while operator := self._accept("+", "-", "±"):
            term = self._value(self._product())
            terms.append(term if operator == "+" else negated(term) if operator == "-" else Call("±", (term,)))
        self._depth -= 1
        return first if len(terms) == 1 else Add(tuple(self._value(term) for term in terms))

    def _product(self) -> Obj:
        first = self._signed()
        if not self._goes_on(first):
            return first
        result = self._value(first)
        while True:
            if self._accept("*"):
                result = _times(result, self._value(self._signed()))
            elif self._accept("/"):
                result = Div(result, self._value(self._signed()))
            elif self._starts_operand():
                if self._next.kind == "num":
                    self._refuse("put an operator before the number")
                result = _times(result, self._value(self._power()))
            else:
                return result

    def _goes_on(self, left: Obj) -> bool:
        union = not is_expr(left) and self._next == Token("name", "U")
        return not union and (self._is("*", "/") or self._starts_operand())

    def _starts_operand(self) -> bool:
        token = self._next
        if token.kind in ("num", "cmd"):
            return not token.text.startswith("end:") and token.text not in ("rfloor", "rceil")
        if token.kind in ("name", "word"):
            return token.text.strip(" ,") not in ("or", "and")
        return self._is("(", "[", "\\{", "{", "∅") or (self._is("|") and not self._bars)

    def _signed(self) -> Obj:
        minus = False
        while sign := self._accept("-", "+"):
            minus ^= sign == "-"
        operand = self._power()
        if not minus:
            return operand
        return Mul((number(-1), Const("oo"))) if _is_infinity(operand) else negated(self._value(operand))

    def _power(self) -> Obj:
        base = self._postfix()
        if not self._is("^"):
            return base
        self._take()
        return Pow(self._value(base), self._exponent())

    def _exponent(self) -> Expr:
        if self._latex and self._next.kind == "num" and len(self._next.text) > 1:
            raise MathFault("put braces round an exponent of more than one digit")
        if self._latex and self._is("-"):
            raise MathFault("put braces round a negative exponent")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise MathFault("it is nested too deeply")
        minus = False
        while sign := self._accept("-", "+"):
            minus ^= sign == "-"
        exponent = self._group() if self._is("{") else self._value(self._power())
        self._depth -= 1
        if self._is("^"):
            self._take()
            exponent = Pow(exponent, self._exponent())
        return negated(exponent) if minus else exponent

    def _postfix(self) -> Obj:
        literal = self._next.kind == "num"
        operand = self._primary()
        while True:
            if self._is("!"):
                self._take()
                if self._is("!", "="):
                    raise MathFault("double factorials and != are not understood")
                operand = Call("factorial", (self._value(operand),))
            elif self._is("%"):
                self._take()
                if not literal or self._starts_operand():
                    raise MathFault("% only stands after a number")
                operand = Div(self._value(operand), number(100))
            elif degrees := self._degree_sign():
                self._at += degrees
                operand = Div(_times(self._value(operand), Const("pi")), number(180))
            elif self._is("'"):
                raise MathFault("primes are not understood")
            else:
                return operand
            literal = False

    def _degree_sign(self) -> int:
        """How many tokens a degree sign takes here: `°`, `^\\circ` or `^{\\circ}`."""
        if self._is("°"):
            return 1
        if self._is("^") and self._peek(1) == Token("cmd", "circ"):
            return 2
        if self._is("^") and self._peek(2) == Token("cmd", "circ") and self._peek(1).text == "{":
            return 4
        return 0

    # operands -------------------------------------------------------------------------------------------------------

    def _primary(self) -> Obj:
        token = self._next
        if token.kind == "num":
            return self._literal()
        if token.kind == "name":
            return self._name()
        if token.kind == "word":
            return self._word()
        if token.kind == "cmd":
            return self._command()
        if self._is("|"):
            self._take()
            self._bars += 1
            inner = self._value(self._sum())
            self._bars -= 1
            self._expect("|")
            return Call("abs", (inner,))
        if self._is("{") and self._latex:
            return self._group()
        if self._is("(", "[", "\\{", "{"):
            return self._bracketed()
        if self._accept("∅"):
            return FiniteSet(())
        self._refuse("expected a number, a name or a bracket, found")

    def _literal(self) -> Expr:
        token = self._take()
        assert token.value is not None
        if self._is("_"):
            self._take()
            base = self._index()
            if not (token.text.isdigit() and base.isdigit() and 2 <= int(base[:3]) <= 36):
                raise MathFault("a number with an index is read as digits and a base from 2 to 36")
            try:
                return number(int(token.text, int(base)))
            except ValueError:
                raise MathFault(f"{token.text[:20]} is no number in base {base}") from None
        if self._next.kind == "cmd" and self._next.text in _FRACTIONS and "." not in token.text:
            part = self._command()
            match part:
                case Div(Num(top), Num(bottom)) if top.denominator == 1 == bottom.denominator:
                    if not 0 < top < bottom:
                        raise MathFault("write \\cdot between a number and a fraction, unless it is a mixed number")
                    return Num(token.value + top / bottom)
            return _times(Num(token.value), self._value(part))
        return Num(token.value)

    def _group(self) -> Expr:
        self._expect("{")
        inner = self._value(self._sum())
        self._expect("}")
        return inner

    def _bracketed(self) -> Obj:
        left, bars, self._bars = self._take().text, self._bars, 0
        items: list[Obj] = []
        if not self._is("}", "\\}"):
            items += self._statement()
            while self._accept(","):
                items += self._statement()
        self._bars = bars
        right = self._take().text
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

    def _index(self) -> str:
        """The text of a subscript."""
        if self._accept("{"):
            parts = []
            while not self._is("}"):
                if self._next.kind not in ("num", "name", "word"):
                    self._refuse("an index is letters and digits, found")
                parts.append(self._take().text)
            self._take()
            return "".join(parts)
        if self._next.kind not in ("num", "name") or (self._latex and len(self._next.text) > 1):
            self._refuse("an index is a letter or a digit, or stands in braces; found")
        return self._take().text

    def _name(self) -> Obj:
        text = self._next.text
        if text in ("log", "atan", "log10", "log2") and self._peek(1).text in ("2", "10") and text == "log":
            if self._peek(2).text == "(":
                self._at += 1
                return self._function(f"log{self._next.text}")
        if text in self._declared:
            return self._symbol(self._take().text)
        if text in _FUNCTIONS and (text not in GREEK or self._peek(1).text == "("):
            return self._function(_FUNCTIONS[text])
        if text in ("pi", "Pi", "PI"):
            self._take()
            return Const("pi")
        if text in ("oo", "inf", "infinity", "Infinity"):
            self._take()
            return Const("oo")
        if text in ("e", "i", "I"):
            self._take()
            return Const(text.lower())
        if len(text) == 1 or text in GREEK or text in self._names:
            return self._symbol(self._take().text)
        return self._run_together(text)

    def _run_together(self, text: str) -> Obj:
        """`xy`: one letter now, the rest as the next token."""
        known = self._names | {"e", "i"}
        if not self._latex and not all(letter in known for letter in text):
            raise MathFault(f"the name {text[:40]!r} is not known; write products with *, as in x*y")
        self._tokens[self._at : self._at + 1] = [Token("name", letter) for letter in text]
        return self._name()

    def _symbol(self, name: str) -> Sym:
        if self._is("_"):
            self._take()
            name = f"{name}_{self._index()}"
        if self._next.kind == "num":
            self._refuse(f"put an operator or _ between {name} and")
        return Sym(name)

    def _word(self) -> Obj:
        text = self._next.text
        if text in _FUNCTIONS:
            return self._function(_FUNCTIONS[text])
        self._take()
        if text in ("e", "i") and text not in self._declared:
            return Const(text)
        if len(text) == 1 and text.isalpha():
            return self._symbol(text)
        if self._at == 1 and self._next.kind == "end" and text:
            return Text(text.lower())
        raise MathFault(f"leave out the words or units {text[:40]!r} and give the bare value")

    def _command(self) -> Obj:
        name = self._next.text
        if name in _FRACTIONS:
            self._take()
            top, bottom = self._argument(), self._argument()
            if top == Sym("d") and isinstance(bottom, Mul) and bottom.args[0] == Sym("d"):
                raise UnsupportedFault("a derivative is not carried out here")
            return Div(top, bottom)
        if name in ("binom", "dbinom", "tbinom"):
            self._take()
            return Call("binomial", (self._argument(), self._argument()))
        if name == "sqrt":
            self._take()
            index: Expr = number(2)
            if self._accept("["):
                index = self._value(self._sum())
                self._expect("]")
            inner = self._argument() if not self._is("(") else self._value(self._bracketed())
            return _root(inner, index)
        if name in ("lfloor", "lceil"):
            self._take()
            inner = self._value(self._sum())
            if self._take() != Token("cmd", name.replace("l", "r", 1)):
                raise MathFault(f"\\{name} is not closed")
            return Call("floor" if name == "lfloor" else "ceil", (inner,))
        if name in _FUNCTIONS and name not in GREEK:
            return self._function(_FUNCTIONS[name])
        if name.startswith("begin:"):
            return self._matrix()
        self._take()
        if name == "pi":
            return Const("pi")
        if name == "infty":
            return Const("oo")
        if name in GREEK:
            return self._symbol(name)
        raise UnsupportedFault(f"\\{name[:40]} is not understood here")

    def _argument(self) -> Expr:
        r"""What `\frac` and its like take: a group in braces, or one digit, letter or command."""
        if self._is("{"):
            return self._group()
        token = self._next
        if token.kind == "num" and token.text.isdigit() and len(token.text) > 1:
            first, rest = token.text[0], token.text[1:]
            self._tokens[self._at : self._at + 1] = [
                Token("num", first, Fraction(int(first))),
                Token("num", rest, Fraction(int(rest))),
            ]
        if self._next.kind == "name" and len(self._next.text) > 1:
            self._tokens[self._at : self._at + 1] = [Token("name", c) for c in self._next.text]
        if self._next.kind not in ("num", "name", "cmd"):
            self._refuse("expected an argument in braces, found")
        token = self._next
        if token.kind == "num":
            self._take()
            return Num(token.value or Fraction(0))
        return self._value(self._primary())

    def _matrix(self) -> Matrix:
        environment = self._take().text.removeprefix("begin:")
        if environment not in ("matrix", "pmatrix", "bmatrix", "smallmatrix"):
            raise UnsupportedFault(f"the environment {environment[:20]!r} is not understood")
        rows: list[list[Expr]] = [[self._value(self._sum())]]
        while self._next != Token("cmd", f"end:{environment}"):
            if self._accept("&"):
                rows[-1].append(self._value(self._sum()))
            elif self._accept("\\\\"):
                if self._next != Token("cmd", f"end:{environment}"):
                    rows.append([self._value(self._sum())])
            else:
                self._refuse("expected & or \\\\ in a matrix, found")
        self._take()
        if len({len(row) for row in rows}) != 1:
            raise MathFault("the rows of the matrix differ in length")
        return Matrix(tuple(tuple(row) for row in rows))

    # functions ------------------------------------------------------------------------------------------------------

    def _function(self, name: str) -> Expr:
        self._take()
        base: Expr | None = {"log10": number(10), "log2": number(2)}.get(name)
        if self._is("_") and name == "log":
            self._take()
            base = self._group() if self._is("{") else self._argument()
        power: Expr | None = None
        if self._is("^"):
            self._take()
            power = self._exponent()
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
        if self._is("(", "["):
            closer, bars, self._bars = _CLOSERS[self._take().text], self._bars, 0
            found = [self._value(self._sum())]
            while self._accept(","):
                found.append(self._value(self._sum()))
            self._expect(closer)
            self._bars = bars
            return found
        if self._is("{"):
            return [self._group()]
        return [self._bare_argument(name)]

    def _bare_argument(self, name: str) -> Expr:
        """The factors after a function's name, up to an operator, a bracket or the next function."""
        if name == "sqrt":
            return self._value(self._postfix())
        factors = [self._value(self._power())]
        while self._starts_operand() and not self._is("(", "[", "{", "\\{", "|") and not self._at_function():
            if self._next.kind == "num":
                self._refuse("put an operator before the number")
            factors.append(self._value(self._power()))
        if self._is("(", "[") and all(isinstance(f, Num) for f in factors):
            raise MathFault(f"put brackets round the argument of {name}")
        return factors[0] if len(factors) == 1 else Mul(tuple(factors))

    def _at_function(self) -> bool:
        token = self._next
        named = token.text in _FUNCTIONS and token.text not in GREEK and token.text not in self._declared
        return named and token.text != "sqrt" and token.kind in ("name", "cmd", "word")


def _times(left: Expr, right: Expr) -> Expr:
    head = left.args if isinstance(left, Mul) else (left,)
    return Mul((*head, right))


def _root(inner: Expr, index: Expr) -> Expr:
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
        return _root(first, number(2 if name == "sqrt" else 3))
    if name == "root":
        return _root(first, arguments[1])
    reciprocal = {"acot": "atan", "asec": "acos", "acsc": "asin", "acoth": "atanh", "asech": "acosh", "acsch": "asinh"}
    if name in reciprocal:
        return Call(reciprocal[name], (Div(number(1), first),))
    return Call(name, tuple(arguments))


def _related(sides: list[Obj], operators: list[str]) -> Obj:
    if not operators:
        return sides[0]
    if operators in (["="], ["∈"]):
        left, right = sides
        if not is_expr(left):
            raise MathFault("the left side of an equation is a value")
        return Equation(left, right)  # type: ignore[arg-type]
    if any(operator in ("=", "∈") for operator in operators):
        raise MathFault("more than one relation in one statement; give the final one only")
    descending = {operator[0] for operator in operators} == {">"}
    if not descending and {operator[0] for operator in operators} != {"<"}:
        raise MathFault("a chain of inequalities goes one way only")
    if any(not is_expr(side) for side in sides):
        raise MathFault("the sides of an inequality are values")
    if descending:
        sides, operators = sides[::-1], [o.replace(">", "<") for o in operators[::-1]]
    return Relation(tuple(sides), tuple(operators))  # type: ignore[arg-type]


def _matrix_or_brackets(left: str, items: tuple[Obj, ...], right: str) -> Obj:
    rows = [item.items for item in items if isinstance(item, Brackets) and (item.left, item.right) == ("[", "]")]
    if (left, right) == ("[", "]") and len(rows) == len(items) and len({len(row) for row in rows}) == 1:
        if all(is_expr(entry) for row in rows for entry in row):
            return Matrix(tuple(rows))  # type: ignore[arg-type]
    return Brackets(left, items, right)


def _with_sign(obj: Obj, *, positive: bool) -> Obj:
    """The object with its `±` decided."""

    def go(node: Expr) -> Expr:
        match node:
            case Call("±", (inner,)):
                return inner if positive else negated(inner)
            case Add(args):
                return Add(tuple(map(go, args)))
            case Mul(args):
                return Mul(tuple(map(go, args)))
            case Call(name, args):
                return Call(name, tuple(map(go, args)))
            case Div(a, b):
                return Div(go(a), go(b))
            case Pow(a, b):
                return Pow(go(a), go(b))
        return node

    if isinstance(obj, Equation) and is_expr(obj.right):
        return Equation(go(obj.left), go(obj.right))  # type: ignore[arg-type]
    if not is_expr(obj):
        raise MathFault("± only stands in a value or an equation")
    return go(obj)  # type: ignore[arg-type]
