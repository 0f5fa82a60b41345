"""One step of a solution, as it was found in the text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Step"]


@dataclass(frozen=True)
class Step:
    """One statement of the text.

    Attributes:
        kind: `annotation`, `numbers` (a chain in prose), `formula`, or `unread` (an equation that cannot be read).
        text: what stands there.
        sides: texts of what is joined by `signs`, each `=` or `≈`; a single side is a statement of another kind.
        written: of an annotation: the number behind it.
        start: where it stands.
        block: of a formula in a block: the block's number, else 0.
        implied: whether an arrow stands in front.
        goes_on: whether it opens with `=`; its first side is then the last of the step above.
    """

    kind: str
    text: str
    sides: tuple[str, ...]
    signs: tuple[str, ...] = ()
    written: str = ""
    start: int = 0
    block: int = 0
    implied: bool = False
    goes_on: bool = False
