"""Matrices: inverses, determinants, eigenvalues, eigenvectors and linear systems, each checked by multiplying out.

Entries may hold radicals and variables. A pass is a proof where every entry was decided exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

from modulo.verifiers.math_compare import bare
from modulo.verifiers.math_equal import Decision, Settings, compare
from modulo.verifiers.math_findings import Job, finding, passed, reference, report
from modulo.verifiers.math_nodes import (
    Add,
    Brackets,
    Equation,
    Expr,
    FiniteSet,
    Matrix,
    Mul,
    Obj,
    Sym,
    is_expr,
    negated,
    number,
    shown,
    symbols,
)

__all__ = [
    "MAX_SIZE",
    "check_determinant",
    "check_eigenvalues",
    "check_eigenvector",
    "check_inverse",
    "check_linear_system",
    "determinant",
    "vector",
]

MAX_SIZE = 5
"""Rows of a matrix whose determinant is expanded."""

_LAMBDA = "λ"

Rows = Sequence[Sequence[Expr]]


def check_inverse(job: Job) -> dict[str, Any]:
    """Judge by `inverse_of`: the product with the matrix is the identity."""
    matrix = _matrix(job.spec["inverse_of"], job)
    own = _own(job, matrix)
    size = len(matrix.rows)
    if not isinstance(own, Matrix) or [len(row) for row in own.rows] != [size] * size:
        return finding("fail", f"the inverse is a {size} by {size} matrix", {"read_as": shown(own)})
    product = _times(matrix.rows, own.rows)
    identity = [[number(int(i == j)) for j in range(size)] for i in range(size)]
    return _entries(product, identity, own, "the matrix times your answer", job.settings())


def check_determinant(job: Job) -> dict[str, Any]:
    """Judge by `determinant_of`."""
    matrix = _matrix(job.spec["determinant_of"], job)
    names = symbols(matrix) | job.declared
    own = job.value("a determinant", names=names)
    decision = compare(own, determinant(matrix.rows), job.settings())
    return report(decision, own, f"your answer, read as {shown(own)}, is not the determinant")


def check_linear_system(job: Job) -> dict[str, Any]:
    """Judge by `linear_system`: the matrix times the candidate is the right side. Any one solution will do."""
    spec = job.spec["linear_system"]
    matrix, right = _matrix(spec["matrix"], job), vector(reference(spec["right"], job.declared))
    assert right is not None
    own = _own(job, matrix)
    entries = vector(own)
    width = len(matrix.rows[0])
    if entries is None or len(entries) != width:
        return finding("fail", f"the solution is a vector of {width} entries, as (1, 2)", {"read_as": shown(own)})
    if foreign := sorted(frozenset[str]().union(*map(symbols, entries)) - symbols(matrix) - job.declared):
        return finding(
            "fail", f"{', '.join(foreign)} should not occur in it; give one solution", {"read_as": shown(own)}
        )
    product = _times(matrix.rows, [[entry] for entry in entries])
    return _entries(product, [[entry] for entry in right], own, "the matrix times your answer", job.settings())


def check_eigenvector(job: Job) -> dict[str, Any]:
    """Judge by `eigenvector_of`: the matrix maps it to a multiple of itself, to the given one if one is given."""
    spec = job.spec["eigenvector_of"]
    matrix = _matrix(spec["matrix"], job)
    own = _own(job, matrix)
    entries, size, settings = vector(own), len(matrix.rows), job.settings()
    if entries is None or len(entries) != size:
        return finding("fail", f"an eigenvector is a vector of {size} entries, as (1, 2)", {"read_as": shown(own)})
    zero = [compare(entry, number(0), settings).verdict for entry in entries]
    if set(zero) == {"equal"}:
        return finding("fail", "the zero vector is no eigenvector", {"read_as": shown(own)})
    if "different" not in zero:
        return finding("unknown", "whether it is the zero vector could not be decided", {"read_as": shown(own)})
    image = [row[0] for row in _times(matrix.rows, [[entry] for entry in entries])]
    if spec["value"] is not None:
        value: Expr = reference(spec["value"], job.declared)  # type: ignore[assignment]
        wanted = [[Mul((value, entry))] for entry in entries]
        return _entries([[entry] for entry in image], wanted, own, "the matrix times your answer", settings)
    pairs = [(i, j) for i in range(size) for j in range(i)]
    minors = [[Add((Mul((image[i], entries[j])), negated(Mul((image[j], entries[i])))))] for i, j in pairs]
    return _entries(minors, [[number(0)] for _ in pairs], own, "the part of its image across it", settings)


def check_eigenvalues(job: Job) -> dict[str, Any]:
    """Judge by `eigenvalues_of`: zeros of the characteristic polynomial, and all of them.

    A list of as many values as the matrix has rows gives each with its multiplicity, a shorter one each once.
    """
    matrix = _matrix(job.spec["eigenvalues_of"], job)
    own = _own(job, matrix)
    values = list(own.items) if isinstance(own, FiniteSet | Brackets) else [own]
    values = [
        inner for value in map(bare, values) for inner in (value.items if isinstance(value, FiniteSet) else [value])
    ]
    evidence: dict[str, Any] = {"read_as": shown(own)}
    size, settings = len(matrix.rows), job.settings()
    if not values or not all(is_expr(value) for value in values) or len(values) > size:
        return finding("fail", f"give the at most {size} eigenvalues as a list", evidence)
    own_values: list[Expr] = values  # type: ignore[assignment]
    proof = True
    for value in own_values:
        decision = compare(determinant(_shifted(matrix.rows, value)), number(0), settings)
        if decision.verdict == "different":
            return finding("fail", f"{shown(value)} is no eigenvalue: it is no root of det(A - λI)", evidence)
        if decision.verdict == "unknown":
            return finding("unknown", f"whether {shown(value)} is an eigenvalue could not be decided", evidence)
        proof = proof and decision.proof
    distinct: list[Expr] = []
    for value in own_values:
        if all(compare(value, other, settings).verdict == "different" for other in distinct):
            distinct.append(value)
    multiples = own_values if len(own_values) == size else None
    whole = determinant(_shifted(matrix.rows, Sym(_LAMBDA)))
    if multiples is not None and len(distinct) < size:
        split = Mul((*(Add((value, negated(Sym(_LAMBDA)))) for value in multiples), number(1)))
        decision = compare(whole, split, settings)
        if decision.verdict != "equal":
            outcome = "fail" if decision.verdict == "different" else "unknown"
            return finding(outcome, "the eigenvalues are not given with their multiplicities", evidence)
        return passed(evidence, proof=proof and decision.proof)
    if len(distinct) == size:
        return passed(evidence, proof=proof)
    left = _count(whole)
    if left is None:
        return finding("unknown", "whether these are all eigenvalues could not be decided", evidence)
    if len(distinct) < left:
        return finding("fail", f"there are more eigenvalues than the {len(distinct)} given", evidence)
    return passed(evidence, proof=proof)


def _count(characteristic: Expr) -> int | None:
    """The number of distinct eigenvalues, complex ones included."""
    from modulo.verifiers.math_poly import ratio, roots

    found = ratio(characteristic, _LAMBDA)
    if found is None:
        return None
    zeros = roots(found)
    return None if zeros is None else len(zeros)


def determinant(rows: Rows) -> Expr:
    """The sum over all permutations, for at most five rows."""
    terms: list[Expr] = []
    size = len(rows)
    for order in permutations(range(size)):
        swaps = sum(order[i] > order[j] for i in range(size) for j in range(i + 1, size))
        factors = [rows[i][order[i]] for i in range(size)]
        product: Expr = factors[0] if size == 1 else Mul(tuple(factors))
        terms.append(negated(product) if swaps % 2 else product)
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def vector(obj: Obj) -> list[Expr] | None:
    """The entries of `(1, 2)`, `[1, 2]`, or a matrix of one row or column."""
    if isinstance(obj, Matrix):
        if len(obj.rows) == 1:
            return list(obj.rows[0])
        return [row[0] for row in obj.rows] if len(obj.rows[0]) == 1 else None
    if isinstance(obj, Brackets) and (obj.left, obj.right) in (("(", ")"), ("[", "]")):
        return [item for item in obj.items if is_expr(item)] if all(map(is_expr, obj.items)) else None  # type: ignore[misc]
    return None


def _own(job: Job, matrix: Matrix) -> Obj:
    """The candidate, without what stands in front of an `=`, as in `A^{-1} = …`."""
    found = job.read(names=symbols(matrix) | job.declared)
    return found.right if isinstance(found, Equation) else found


def _matrix(text: str, job: Job) -> Matrix:
    found = reference(text, job.declared)
    assert isinstance(found, Matrix)
    return found


def _shifted(rows: Rows, value: Expr) -> Rows:
    return [
        [Add((entry, negated(value))) if i == j else entry for j, entry in enumerate(row)] for i, row in enumerate(rows)
    ]


def _times(left: Rows, right: Rows) -> list[list[Expr]]:
    return [
        [Add((number(0), *(Mul((a, right[k][j])) for k, a in enumerate(row)))) for j in range(len(right[0]))]
        for row in left
    ]


def _entries(found: Rows, wanted: Rows, own: Obj, what: str, settings: Settings) -> dict[str, Any]:
    """Entry by entry."""
    evidence: dict[str, Any] = {"read_as": shown(own)}
    undecided: Decision | None = None
    proof = True
    for i, (row, expected) in enumerate(zip(found, wanted, strict=True), 1):
        for j, (entry, value) in enumerate(zip(row, expected, strict=True), 1):
            decision = compare(entry, value, settings)
            where = f"row {i}" if len(row) == 1 else f"row {i}, column {j}"
            if decision.verdict == "different":
                got = f"{decision.left} in {where}" if decision.left and not decision.point else f"wrong in {where}"
                return finding("fail", f"{what} is {got}, which it should not be", evidence, locus=where)
            undecided = undecided or (decision if decision.verdict == "unknown" else None)
            proof = proof and decision.proof
    if undecided is not None:
        return finding("unknown", f"an entry could not be decided: {undecided.why}", evidence)
    return passed(evidence, proof=proof)
