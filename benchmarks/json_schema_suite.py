"""The official tests of JSON Schema, against `schema`: how many verdicts agree, and each that does not.

    git clone https://github.com/json-schema-org/JSON-Schema-Test-Suite
    python -m benchmarks.json_schema_suite JSON-Schema-Test-Suite

Each case goes through `load` and `check` as an answer would. A schema that `load` refuses is counted apart: `schema`
refuses on purpose what it could not check, and an answer under a refused schema is never accepted.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modulo.verifiers.schema_check import check, load
from modulo.verifiers.strict_json import shorten

DIALECTS = {
    "draft2020-12": None,
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
}


def cases(folder: Path, dialect: str | None) -> Iterator[tuple[str, Any, Any]]:
    """(place, schema, test) of each test in a folder."""
    for file in sorted(folder.rglob("*.json")):
        for group in json.loads(file.read_text(encoding="utf-8"), parse_float=str, parse_int=str):
            del group  # only to see that the file is whole
        for group in json.loads(file.read_text(encoding="utf-8")):
            schema = group["schema"]
            if isinstance(schema, dict) and dialect is not None:
                schema = {"$schema": dialect, **schema}
            for test in group["tests"]:
                yield f"{file.relative_to(folder)}: {group['description']}: {test['description']}", schema, test


def verdict(schema: Any, data: Any) -> tuple[str, str]:
    """`pass`, `fail`, `unknown` or `refused`, and why."""
    if not isinstance(schema, dict) or not schema:
        return "refused", "no requirement"
    if fault := load(schema):
        return "refused", str(fault["message"])
    found = check({"schema": schema, "candidate": json.dumps(data)})
    return found["outcome"], found.get("critiques", [{"message": ""}])[0]["message"]


def main() -> None:
    """Print one line a dialect, and one for each disagreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, help="a checkout of JSON-Schema-Test-Suite")
    parser.add_argument("--refused", action="store_true", help="list the refused schemas too")
    arguments = parser.parse_args()
    print("| Dialect | Tests | Agree | Refused at load | False accepts | False rejects |\n|---|---|---|---|---|---|")
    notes: list[str] = []
    for name, dialect in DIALECTS.items():
        counts: Counter[str] = Counter()
        for place, schema, test in cases(arguments.suite / "tests" / name, dialect):
            outcome, why = verdict(schema, test["data"])
            wanted = "pass" if test["valid"] else "fail"
            kind = outcome if outcome == "refused" else "agree" if outcome == wanted else f"false {outcome}"
            counts[kind] += 1
            if kind != "agree" and (kind != "refused" or arguments.refused):
                notes.append(f"- {name}/{place}: {kind}; {shorten(why, 120)}")
        rejects = counts["false fail"] + counts["false unknown"]
        row = (name, counts.total(), counts["agree"], counts["refused"], counts["false pass"], rejects)
        print(f"| {' | '.join(map(str, row))} |")
    print("\n".join(["", *notes]))


if __name__ == "__main__":
    main()
