"""Fenced blocks of a Markdown page, and how each kind is run or checked.

A comment on the line above a fence says what is special about it:

    <!-- test: model -->                 runs only where the default model's weights are
    <!-- test: skip because REASON -->   cannot run here; the reason is printed
    <!-- test: file NAME -->             is also written to NAME, for the blocks that follow
    <!-- test: exits CODE -->            its last command ends with this code, not with 0
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import yaml

from modulo.config import load_settings
from modulo.plugins import open_model
from modulo.problems import parse_problem

FENCE = re.compile(r"^(?P<indent> *)(?P<mark>`{3,})(?P<lang>\S*)\s*$")
DIRECTIVE = re.compile(r"^\s*<!-- test: (?P<words>.+?) -->\s*$")
CHANGING = re.compile(r"\d+\.\d+ s\b|\b[0-9a-f]{32}\b|sha256:[0-9a-f]+|\"seconds\": [\d.e-]+")
DECLARED = {"text", "lisp", "smt2", "pddl", "mermaid", "ini"}


class BlockError(AssertionError):
    """A block does not do what the page says; names the page and the line."""


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its fence."""

    page: str
    line: int
    language: str
    text: str
    directive: str = ""

    @property
    def place(self) -> str:
        """`page:line`."""
        return f"{self.page}:{self.line}"

    def directed(self, word: str) -> str | None:
        """What follows `word` in the block's directive, or `None`."""
        head, _, rest = self.directive.partition(" ")
        return rest.strip() if head == word else None


def blocks(page: str, text: str) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if (fence := FENCE.match(lines[at])) is None:
            at += 1
            continue
        above = DIRECTIVE.match(lines[at - 1]) if at else None
        closing = re.compile(rf" *{fence['mark']}\s*$")
        end = next((i for i in range(at + 1, len(lines)) if closing.match(lines[i])), None)
        if end is None:
            raise BlockError(f"{page}:{at + 1}: the block is not closed")
        body = "\n".join(line.removeprefix(fence["indent"]) for line in lines[at + 1 : end]) + "\n"
        yield Block(page, at + 1, fence["lang"], body, above["words"] if above else "")
        at = end + 1


def pattern(line: str) -> re.Pattern[str]:
    """A shown line as a pattern: `…` stands for anything, times and ids for any other."""
    out, last = [], 0
    for match in re.finditer(rf"…|{CHANGING.pattern}", line):
        out += [re.escape(line[last : match.start()]), ".*"]
        last = match.end()
    return re.compile("".join(out) + re.escape(line[last:]) + r"\s*")


def shown(place: str, expected: str, got: str) -> None:
    """Check that every line of `expected` is one of `got`'s.

    Raises:
        BlockError: one is not.
    """
    lines = got.splitlines()
    for line in filter(str.strip, expected.splitlines()):
        if line.strip() != "…" and not any(pattern(line).fullmatch(found) for found in lines):
            raise BlockError(f"{place}: the page shows {line!r}, which is not in the output:\n{got}")


@dataclass
class Page:
    """Runs the blocks of one page, in the current directory and one namespace."""

    name: str
    model: bool
    module: ModuleType = field(init=False)
    printed: str = ""

    def __post_init__(self) -> None:
        self.module = ModuleType("page_" + re.sub(r"\W", "_", self.name))
        sys.modules[self.module.__name__] = self.module  # where annotations are looked up

    def run(self, block: Block) -> None:
        """Run or check one block.

        Raises:
            BlockError: it does not do what the page says, or nobody knows its language.
        """
        if (reason := block.directed("skip")) is not None:
            print(f"{block.place}: not run, {reason}")
            if not reason.startswith("because "):
                raise BlockError(f"{block.place}: say why it is skipped: <!-- test: skip because … -->")
            return
        if block.directed("model") is not None and not self.model:
            return
        if name := block.directed("file"):
            Path(name).write_text(block.text, encoding="utf-8")
        runner = getattr(self, f"_{block.language}", None)
        if runner is not None:
            runner(block)
        elif block.language not in DECLARED:
            raise BlockError(f"{block.place}: nobody knows the language {block.language!r}")

    def _python(self, block: Block) -> None:
        source = "\n" * block.line + block.text
        code = compile(source, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            waiting = eval(code, self.module.__dict__)
            if waiting is not None:
                asyncio.run(waiting)
        self.printed = out.getvalue()

    def _text(self, block: Block) -> None:
        """What the Python block above printed, if it did; else an illustration."""
        if self.printed:
            shown(block.place, block.text, self.printed)
        self.printed = ""

    def _console(self, block: Block) -> None:
        commands: list[tuple[str, list[str]]] = []
        for line in block.text.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif commands and commands[-1][0].endswith("\\"):
                commands[-1] = (commands[-1][0][:-1] + line, [])
            elif commands:
                commands[-1][1].append(line)
            else:
                raise BlockError(f"{block.place}: a console block begins with a line `$ command`")
        for index, (command, output) in enumerate(commands):
            last = index == len(commands) - 1
            self._command(block, command, "\n".join(output), int(block.directed("exits") or 0) if last else 0)

    def _bash(self, block: Block) -> None:
        self._command(block, block.text, "", int(block.directed("exits") or 0))

    def _command(self, block: Block, command: str, output: str, code: int) -> None:
        folder = str(Path(sys.executable).parent)
        environment = {**os.environ, "PATH": folder + os.pathsep + os.environ["PATH"], "COLUMNS": "120"}
        done = subprocess.run(
            ["bash", "-c", command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=170,
            check=False,
        )
        if done.returncode != code:
            raise BlockError(f"{block.place}: {command!r} exited {done.returncode}, not {code}:\n{done.stdout}")
        shown(block.place, output, done.stdout)

    def _yaml(self, block: Block) -> None:
        for data in yaml.safe_load_all(block.text):
            if isinstance(data, list):
                Path("script.doc.yaml").write_text(block.text, encoding="utf-8")
                open_model("scripted:script.doc.yaml")
            elif isinstance(data, dict) and "verifiers" in data:
                parse_problem({"statement": "A part of a problem.", **data}, source=block.place, base=Path())
            else:
                raise BlockError(f"{block.place}: a YAML block is a problem, its verifiers, or a script")

    def _json(self, block: Block) -> None:
        json.loads(block.text)

    def _jsonl(self, block: Block) -> None:
        for line in block.text.splitlines():
            json.loads(line)

    def _toml(self, block: Block) -> None:
        data = tomllib.loads(block.text)
        if "project" not in data:
            file = Path("settings.doc.toml")
            file.write_text(block.text, encoding="utf-8")
            load_settings(environment={}, file=file)
