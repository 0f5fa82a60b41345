"""Settings: flags over environment (`MODULO_…`) over `modulo.toml` in the current directory over defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from modulo.errors import ConfigError
from modulo.types import Feedback, Value

__all__ = ["SandboxKind", "Settings", "load_settings"]

SandboxKind = Literal["auto", "docker", "gvisor", "bubblewrap", "unsafe-subprocess"]


class Settings(Value):
    """How to solve. `None` leaves the choice to the strategy.

    Attributes:
        n: samples a problem, for `best_of_n`.
        rounds: attempts in a conversation, for `critique_retry`.
        max_tokens: completion tokens a problem may spend over all its samples.
        timeout: wall seconds a problem may take.
        answer_tokens: cap on the tokens of one completion.
        cache: file or folder of the verdict cache; `None` keeps verdicts in memory. Its environment variable is
            `MODULO_CACHE_VERDICTS`, since `MODULO_CACHE` is the folder of model weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    model: str = Field(default="local", min_length=1)
    strategy: str | None = None
    n: int | None = Field(default=None, ge=1, le=10_000)
    rounds: int | None = Field(default=None, ge=1, le=10_000)
    max_tokens: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    feedback: Feedback = Feedback.COUNTEREXAMPLE
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    sandbox: SandboxKind = "auto"
    trace: Path = Path("runs/traces.jsonl")
    temperature: float | None = Field(default=None, ge=0, le=2)
    answer_tokens: int = Field(default=2048, ge=1)
    cache: Path | None = None

    @classmethod
    def variable(cls, name: str) -> str:
        """The environment variable of a setting."""
        return "MODULO_CACHE_VERDICTS" if name == "cache" else f"MODULO_{name.upper()}"


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """Settings from all their sources. A flag that is `None` was not given.

    Raises:
        ConfigError: names the flag, variable or file and field, and what it takes.
    """
    environment = os.environ if environment is None else environment
    merged: dict[str, tuple[Any, str]] = {}
    file = Path("modulo.toml") if file is None else file
    if file.is_file():
        for key, value in _read(file).items():
            if key not in Settings.model_fields:
                known = ", ".join(Settings.model_fields)
                raise ConfigError(f"{file}: {key}: is not a setting; the settings are {known}")
            merged[key] = (value, f"{file}: {key}")
    for key in Settings.model_fields:
        name = Settings.variable(key)
        if environment.get(name):
            merged[key] = (environment[name], name)
    for key, value in (flags or {}).items():
        if value is not None:
            merged[key] = (value, "-n" if key == "n" else f"--{key.replace('_', '-')}")
    try:
        return Settings.model_validate({key: value for key, (value, _) in merged.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        value, where = merged.get(key, (None, key))
        raise ConfigError(f"{where}: {_fix(first)}, not {value!r}") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error


def _fix(error: Any) -> str:
    message = str(error["msg"])
    return message[0].lower() + message[1:]
