"""`modulo models`: list, fetch and remove local weights."""

from __future__ import annotations

import json
import sys

from rich.table import Table

from modulo.adapters.models.catalogue import catalogue, lookup
from modulo.adapters.models.weights import cache_dir, remove, status
from modulo.adapters.models.weights import fetch as fetch_weights
from modulo.cli.view import wide_console

__all__ = ["fetch", "remove_weights", "show"]


def show(*, as_json: bool) -> int:
    """List the catalogue and what of it is here."""
    rows = [
        {
            "model": f"local:{entry.alias}",
            "name": entry.name,
            "license": entry.license,
            "bytes": entry.size,
            "sha256": entry.sha256,
            "path": str(path) if (path := status(entry)) else None,
        }
        for entry in catalogue()
    ]
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "name", "license", "size", "here"):
        table.add_column(heading, justify="right" if heading == "size" else "left", overflow="fold")
    for entry, row in zip(catalogue(), rows, strict=True):
        here = row["path"] or f"no: modulo models fetch {entry.alias}"
        table.add_row(str(row["model"]), entry.name, entry.license, f"{entry.size / 1e6:.0f} MB", str(here))
    console = wide_console()
    console.print(table)
    console.print(f"cache: {cache_dir()}", markup=False)
    return 0


def fetch(name: str) -> int:
    """Download weights unless they are here, and print where they are."""
    sys.stdout.write(f"{fetch_weights(name)}\n")
    return 0


def remove_weights(name: str) -> int:
    """Delete downloaded weights; having none to delete is said, and is no error."""
    entry = lookup(name)
    what = "removed" if remove(name) else "was not here:"
    sys.stderr.write(f"{what} {entry.name}\n")
    return 0
