"""Draw a command's terminal output as an SVG: `modulo solve … 2>&1 | python scripts/picture.py TITLE OUT.svg`."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

STYLES = (
    (r"\bfail\b.*", "yellow"),
    (r"\bpass\b|\bverified\b", "bold green"),
    (r"^\$ .*", "bold"),
)


def main(title: str, out: Path) -> None:
    """Read lines from standard input and write the picture."""
    console = Console(record=True, width=118, file=io.StringIO())
    for line in sys.stdin.read().splitlines():
        text = Text(line)
        for pattern, style in STYLES:
            if found := re.search(pattern, line):
                text.stylize(style, *found.span())
        console.print(text, overflow="ellipsis", no_wrap=True)
    svg = console.export_svg(title=title)
    out.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S), encoding="utf-8")  # no fonts from the network


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
