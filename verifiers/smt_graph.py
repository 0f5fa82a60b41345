"""Z3 terms as a graph that is walked many times and read from Z3 once: each look at a term costs microseconds there.

Runs in a worker.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import z3

__all__ = ["Graph", "Part"]


class Part(NamedTuple):
    """One term.

    Attributes:
        node: the Z3 term.
        kind: of an application, its operator; `None` for a quantifier or a bound variable.
        children: keys of the arguments, or of a quantifier's body.
    """

    node: Any
    kind: int | None
    children: tuple[int, ...]


class Graph:
    """The terms of one context that have been looked at, by Z3's id. It keeps them alive, so that ids stay theirs."""

    def __init__(self) -> None:
        self.parts: dict[int, Part] = {}

    def add(self, root: Any) -> int:
        """The key of a term; it and all that is in it is in `parts` from now on."""
        first: int = root.get_id()
        stack = [(first, root)]
        while stack:
            key, node = stack.pop()
            if key in self.parts:
                continue
            if z3.is_app(node):
                kind, children = node.decl().kind(), node.children()
            else:
                kind, children = None, [node.body()] if z3.is_quantifier(node) else []
            below = [(child.get_id(), child) for child in children]
            self.parts[key] = Part(node, kind, tuple(child for child, _ in below))
            stack += below
        return first
