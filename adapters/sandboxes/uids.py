"""User ids for untrusted code: nobody's, and never 0.

Standard library alone: this file is part of the program that is shipped into the container.
"""

from __future__ import annotations

import os

from modulo.adapters.sandboxes.confine import ConfinementError

__all__ = ["spare_uids"]


def spare_uids(count: int, uid_map: str | None = None) -> list[int]:
    """Random uids that no account has, that exist in this user namespace, all different.

    Random, because the kernel counts a uid's processes over the whole machine: two sandboxes must not share one.

    Args:
        count: how many.
        uid_map: text of `/proc/self/uid_map`; read from there if not given.

    Raises:
        ConfinementError: this user namespace has no uids to spare.
    """
    if uid_map is None:
        with open("/proc/self/uid_map") as file:
            uid_map = file.read()
    spans = [(int(first), int(first) + int(length)) for first, _, length in map(str.split, uid_map.splitlines())]
    # Beyond what accounts, containers and service managers hand out; the second for a remapped namespace.
    for low, high in ((1_900_000_000, 2_000_000_000), (20_000, 60_000)):
        for start, end in spans:
            if start <= low and high <= end:
                return _sample(low, high, count)
    raise ConfinementError("this user namespace has no spare uids")


def _sample(low: int, high: int, count: int) -> list[int]:
    # Without `random`, or `pathlib` above: their imports would make every fork of a zygote slower.
    found: set[int] = set()
    while len(found) < count:
        found.add(low + int.from_bytes(os.urandom(8), "big") % (high - low))
    return list(found)
