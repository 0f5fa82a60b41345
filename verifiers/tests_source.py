"""The text of free-form tests: what is in it, and the code made of it. Nothing is executed here.

A text is *plain* if all it defines to be run is `check(candidate)` or functions `test_*` without parameters, and it
neither imports pytest or hypothesis nor decorates a test: then pytest's machinery is not needed to run it.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import types
from dataclasses import dataclass
from functools import lru_cache

from modulo.verifiers.tests_assert import telling

__all__ = ["FILE", "MODULE", "Outline", "compiled", "outline", "wanted_names"]

FILE = "tests.py"
"""What the text is called in tracebacks."""

MODULE = "tests"
"""What the module made of it is called."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_FRAMEWORKS = {"pytest", "hypothesis", "unittest"}


@dataclass(frozen=True)
class Outline:
    """What a text of tests has in it.

    Attributes:
        check: it defines `check(candidate)`.
        tests: names of its functions and classes that are to be run, in order.
        plain: pytest is not needed for its tests.
    """

    check: bool
    tests: tuple[str, ...]
    plain: bool

    @property
    def for_pytest(self) -> bool:
        """Whether pytest is to run it."""
        return not (self.plain or self.check)


def outline(text: str) -> Outline:
    """What is in a text of tests.

    Raises:
        SyntaxError: it is not Python.
        ValueError: it holds a NUL.
    """
    tree = ast.parse(text, FILE)
    functions = [node for node in tree.body if isinstance(node, _FUNCTIONS)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    check = any(node.name == "check" and _parameters(node) == 1 for node in functions)
    tests = [node for node in functions if node.name.startswith("test")]
    grouped = [node.name for node in classes if _is_test_class(node)]
    names = (*(node.name for node in tests), *grouped)
    simple = not grouped and not any(_parameters(node) or node.decorator_list for node in tests)
    return Outline(check=check, tests=names, plain=simple and not _imported(tree) & _FRAMEWORKS)


def _is_test_class(node: ast.ClassDef) -> bool:
    bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
    return node.name.startswith("Test") or any(base.endswith("TestCase") for base in bases)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    args = node.args
    return len([*args.posonlyargs, *args.args, *args.kwonlyargs]) + (args.vararg is not None)


def _imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@lru_cache(maxsize=64)
def compiled(text: str, *, for_pytest: bool) -> types.CodeType:
    """The code of a text, with assertions that say their values, in pytest's way or ours."""
    tree = ast.parse(text, FILE)
    if for_pytest:
        from _pytest.assertion.rewrite import rewrite_asserts

        rewrite_asserts(tree, text.encode("utf-8"), FILE)
    else:
        tree = telling(tree)
    return compile(tree, FILE, "exec", dont_inherit=True)


@lru_cache(maxsize=64)
def wanted_names(text: str) -> frozenset[str]:
    """Names that a text uses and neither defines nor imports, builtins aside: those it takes from the candidate."""
    whole = symtable.symtable(text, FILE, "exec")
    defined = {name.get_name() for name in whole.get_symbols() if name.is_assigned() or name.is_imported()}
    defined |= {scope.get_name() for scope in whole.get_children()}
    return frozenset(_global_names(whole) - defined - set(dir(builtins)))


def _global_names(scope: symtable.SymbolTable) -> set[str]:
    found = {name.get_name() for name in scope.get_symbols() if name.is_referenced() and name.is_global()}
    return found.union(*map(_global_names, scope.get_children()))
