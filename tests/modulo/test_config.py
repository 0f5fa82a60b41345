from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modulo.config import load_settings
from modulo.errors import ConfigError


def test_flags_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "modulo.toml"
    file.write_text('model = "local:1.5b"\nn = 3\nseed = 1\n')
    settings = load_settings({"n": 5, "rounds": None}, environment={"MODULO_N": "4", "MODULO_SEED": "2"}, file=file)
    assert (settings.model, settings.n, settings.seed, settings.rounds) == ("local:1.5b", 5, 2, None)
    assert settings.sandbox == "auto"


def test_the_cache_of_verdicts_is_not_that_of_weights(tmp_path: Path) -> None:
    none = tmp_path / "none.toml"
    assert load_settings({}, environment={"MODULO_CACHE": "/weights"}, file=none).cache is None
    environment = {"MODULO_CACHE_VERDICTS": "runs/v.sqlite"}
    assert load_settings({}, environment=environment, file=none).cache == Path("runs/v.sqlite")
    assert load_settings({"cache": "other"}, environment=environment, file=none).cache == Path("other")


BAD: list[tuple[dict[str, Any], dict[str, str], str, str]] = [
    ({"n": 0}, {}, "", "-n: input should be greater than or equal to 1, not 0"),
    ({"max_tokens": -5}, {}, "", "--max-tokens: "),
    ({"feedback": "loud"}, {}, "", "--feedback: input should be 'none', 'binary'"),
    ({"sandbox": "chroot"}, {}, "", "--sandbox: input should be 'auto', 'docker'"),
    ({"timeout": 0}, {}, "", "--timeout: "),
    ({}, {"MODULO_N": "many"}, "", "MODULO_N: "),
    ({}, {}, "n = ", "modulo.toml: is not TOML"),
    ({}, {}, "nn = 3", "modulo.toml: nn: is not a setting; the settings are model"),
    ({}, {}, 'rounds = "x"', "modulo.toml: rounds: "),
]


@pytest.mark.parametrize(("flags", "environment", "toml", "message"), BAD)
def test_bad_settings_name_their_place(
    tmp_path: Path, flags: dict[str, Any], environment: dict[str, str], toml: str, message: str
) -> None:
    file = tmp_path / "modulo.toml"
    if toml:
        file.write_text(toml)
    with pytest.raises(ConfigError) as caught:
        load_settings(flags, environment=environment, file=file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
