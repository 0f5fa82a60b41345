"""The corpus is whole: every kind is there with several attacks, every directory is read, and the page counts right."""

from __future__ import annotations

import re
from collections import Counter

from tests.attacks.corpus import FOLDER, SHARED, attacks, kinds

PAGE = FOLDER.parent.parent / "docs" / "attacks.md"
ROW = re.compile(r"^\| `(\w+)` \|.*\| (\d+) \|$", re.M)
ENOUGH = 63
"""Attacks that each sandbox has to withstand, at the least."""


def counted() -> dict[str, int]:
    return dict(Counter(attack.kind for attack in attacks()))


def test_each_directory_holds_one_candidate_and_what_it_needs() -> None:
    read = {attack.folder for attack in attacks()}
    assert {place.parent for place in FOLDER.glob("*/*/candidate.*")} == read
    for attack in attacks():
        allowed = {"attack.yaml", *(["problem.yaml"] if attack.problem is None else [])}
        allowed |= {attack.first.file} if attack.first else set()
        files = {place.name for place in attack.folder.iterdir()}
        assert {name for name in files if not name.startswith("candidate.")} == allowed, attack.folder
        assert len(files) == len(allowed) + 1, attack.folder
        assert attack.place.is_file(), attack.place


def test_each_shared_problem_is_attacked() -> None:
    assert {attack.place for attack in attacks() if attack.problem} == set(SHARED.glob("*.yaml"))


def test_no_two_attacks_are_the_same() -> None:
    seen = Counter((a.text({}), a.whole, str(a.replace), a.place, str(a.first)) for a in attacks())
    assert [key for key, count in seen.items() if count > 1] == []


def test_both_sandboxes_are_attacked_often_enough_in_every_way() -> None:
    for backend in ("docker", "bubblewrap"):
        assert sum(backend in attack.where and not attack.honest for attack in attacks()) >= ENOUGH
    assert all(count >= 3 for count in counted().values())
    assert set(kinds()) == set(dict(ROW.findall(PAGE.read_text(encoding="utf-8"))))


def test_the_page_counts_right() -> None:
    told = {kind: int(count) for kind, count in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert told == counted()
