from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import planbench
from benchmarks.planbench import OVERLOOKED, attempts, differences, judged, named, parsed


def test_agrees_with_val_on_every_recorded_response() -> None:
    recorded = attempts()
    if recorded is None:
        pytest.skip(planbench.MISSING.format(folder=planbench.folder()))
    assert len(recorded) == 626
    off = {attempt.key: differs for attempt in recorded if (differs := differences(attempt, judged(attempt)))}
    assert off == {OVERLOOKED: ["step", "facts"]}
    exception = next(attempt for attempt in recorded if attempt.key == OVERLOOKED)
    assert named(judged(exception))[0] == "step 2 (put-down g table)"


def test_without_the_data_it_says_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODULO_DATA", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["planbench.py"])
    assert planbench.main() == 0
    shown = capsys.readouterr().out
    for words in (str(tmp_path / "planbench"), "karthikv792/LLMs-Planning (MIT)", "MODULO_DATA"):
        assert words in shown


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Time step: 4\nAction: (stack c k)\nUnsatisfied Precondition:\n\n(clear k)",
            ("step 4 (stack c k)", {"(clear k)"}),
        ),
        (
            "Time step: 1\nAction: (move a b up)\nUnsatisfied Precondition:\n\n(and\n(clear b)\n(adjacent a b up)\n)",
            ("step 1 (move a b up)", {"(clear b)", "(adjacent a b up)"}),
        ),
        ("There are unmet goal condition(s):\n\n(on e c)", ("goal", {"(on e c)"})),
        ("Bad plan description", None),
    ],
)
def test_reads_what_val_says(message: str, expected: tuple[str, set[str]] | None) -> None:
    assert parsed(message) == (expected and (expected[0], frozenset(expected[1])))
