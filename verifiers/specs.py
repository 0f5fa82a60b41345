"""What factories share when they load a spec: one clear error for a malformed one, and the files it names."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from modulo.errors import ProblemError

__all__ = ["ensure_json", "problem_error", "read_beside"]

_MAX_BYTES = 10_000_000


def problem_error(error: ValidationError) -> ProblemError:
    """The first fault of a spec, as an error that names its field."""
    details = error.errors(include_url=False)
    # A misspelled field is the cause, the field then missing only its effect.
    first = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
    field = ""
    for part in first["loc"]:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else str(part)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "no such field"
    elif first["type"] in ("model_type", "dict_type"):
        message = "expected a mapping of fields"
    return ProblemError(message, field=field)


def ensure_json(spec: object) -> None:
    """Refuse what YAML can write and JSON cannot.

    Raises:
        ProblemError: the spec holds a NaN, an infinity, a date or such, or is nested too deeply.
    """
    try:
        json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"the spec holds what JSON cannot express: {error}") from None
    except RecursionError:
        raise ProblemError("the spec is nested too deeply") from None


def read_beside(name: str, base: Path | None, *, field: str) -> str:
    """The text of a file that a spec names, relative to the folder of the problem file.

    Raises:
        ProblemError: there is no such file, or it is not UTF-8 text of at most 10 MB.
    """
    if base is None:
        raise ProblemError(f"{name!r} cannot be found: this problem does not come from a file", field=field)
    path = base / name
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ProblemError(f"{path} has more than {_MAX_BYTES} bytes", field=field)
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ProblemError(f"cannot read {path}: {reason}", field=field) from None
