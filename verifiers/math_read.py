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

from modulo.verifiers.math_nodes import (
    Add,
    Brackets,
    Call,
    Div,
    Either,
    Equation,
    Expr,
    FiniteSet,
    Mul,
    Obj,
    Pow,
    Relation,
    Sym,
    Union,
    is_expr,
    negated,
    shown,
    size,
    walk,
)
from modulo.verifiers.math_operands import Operands
from modulo.verifiers.math_tokens import MathFault, Token, UnsupportedFault, tokenize, unwrapped

__all__ = ["MathFault", "UnsupportedFault", "read"]

_MAX_NODES = 6_000
_FUNCTION_LETTERS = frozenset("fghFGHPQ")


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


class _Reader(Operands):
    """The statement layer: lists, equations, inequalities and unions."""

    def whole(self) -> Obj:
        items, joints = [*self.statement()], set[str]()
        while joint := self.accept(",", ";") or self._separator():
            joints.add(self._separator() or joint)  # the Oxford comma
            items += self.statement()
        if self.next.kind != "end":
            self.refuse("the text goes on after its end with")
        if len(items) == 1:
            return items[0]
        unknowns = {i.left.name.partition("_")[0] for i in items if isinstance(i, Equation) and isinstance(i.left, Sym)}
        if "or" not in joints or not (len(unknowns) > 1 or any(isinstance(item, Relation) for item in items)):
            return FiniteSet(tuple(items))
        if "and" in joints:
            raise MathFault("of these, either all hold or one of them: use and, or or, alone")
        return Either(tuple(items))

    def _separator(self) -> str | None:
        token = self.next
        if token.kind in ("word", "name") and (text := token.text.strip(" ,")) in ("or", "and"):
            self.take()
            return text
        return None

    def statement(self) -> list[Obj]:
        """One statement, or two if it holds a `±`."""
        found = self.relation()
        signs = sum(isinstance(node, Call) and node.name == "±" for node in walk(found))
        if signs > 1:
            raise MathFault("more than one ± in one expression; list the values instead")
        return [with_sign(found, positive=True), with_sign(found, positive=False)] if signs else [found]

    def relation(self) -> Obj:
        """Sides joined by relation signs, with any `±` left in."""
        sides, operators = [self._function_label() or self._side()], list[str]()
        while operator := self.accept("=", "<", ">", "<=", ">=", "∈"):
            operators.append(operator)
            sides.append(self._side())
        return _related(sides, operators)

    def _function_label(self) -> Obj | None:
        """`f(x)` in front of an `=`."""
        kinds = [self.peek(i) for i in range(5)]
        if (
            [t.text for t in kinds[1::2]] == ["(", ")"]
            and kinds[4].text == "="
            and kinds[0].kind == "name"
            and len(kinds[0].text) == 1
            and (
                (kinds[2].kind == "name" and len(kinds[2].text) == 1)
                or (kinds[2].kind == "num" and kinds[0].text in _FUNCTION_LETTERS)
            )
        ):
            self.at += 4
            return Sym(f"{kinds[0].text}({kinds[2].text})")
        return None

    def _side(self) -> Obj:
        first = self.sum()
        parts = [first]
        while not is_expr(first) and (self.accept("∪") or (self.next == Token("name", "U") and self.take())):
            parts.append(self.sum())
        if len(parts) == 1:
            return first
        if any(not isinstance(part, Brackets | FiniteSet) for part in parts):
            raise MathFault("∪ joins intervals or sets")
        return Union(tuple(parts))


def _related(sides: list[Obj], operators: list[str]) -> Obj:
    if not operators:
        return sides[0]
    if operators in (["="], ["∈"]):
        left, right = sides
        if isinstance(left, Brackets) and all(isinstance(item, Sym) for item in left.items):
            left = Sym(shown(left))  # (p, q) = (3, 2)
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


def with_sign(obj: Obj, *, positive: bool) -> Obj:
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
