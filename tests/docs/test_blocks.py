"""Every fenced block of the README and the docs runs, or is checked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.cli import ROOT
from tests.support.doc_blocks import Block, BlockError, Page, blocks, shown

from modulo.adapters.models.catalogue import DEFAULT
from modulo.adapters.models.weights import status

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]
BLOCKS = {str(p.relative_to(ROOT)): list(blocks(str(p.relative_to(ROOT)), p.read_text("utf-8"))) for p in PAGES}
WITH_MODEL = [name for name, found in BLOCKS.items() if any(b.directive == "model" for b in found)]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "langgraph.json", tmp_path)
    monkeypatch.chdir(tmp_path)


def run(page: Page, found: list[Block]) -> None:
    for block in found:
        try:
            page.run(block)
        except BlockError:
            raise
        except BaseException as error:
            raise BlockError(f"{block.place}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("name", BLOCKS)
def test_page(name: str) -> None:
    run(Page(name, model=False), BLOCKS[name])


@pytest.mark.model
@pytest.mark.parametrize("name", WITH_MODEL)
def test_page_with_the_local_model(name: str) -> None:
    if status(DEFAULT) is None:
        pytest.skip(f"the weights of {DEFAULT.name} are not here; `modulo models fetch {DEFAULT.alias}` gets them")
    run(Page(name, model=True), BLOCKS[name])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    import re

    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page}: {target}"


# The checker itself: what it must notice.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```\nno language\n```", "nobody knows the language ''"),
        ("```cobol\nx\n```", "nobody knows the language 'cobol'"),
        ("```python\n1 / 0\n```", "p.md:1: ZeroDivisionError"),
        ("```python\nprint('a')\n```\n```text\nb\n```", "p.md:4: the page shows 'b'"),
        ("```console\n$ echo a\nb\n```", "p.md:1: the page shows 'b'"),
        ("```console\n$ false\n```", "'false' exited 1, not 0"),
        ("<!-- test: exits 1 -->\n```console\n$ true\n```", "'true' exited 0, not 1"),
        ("```console\na\n```", "begins with a line"),
        ("```yaml\nverifiers:\n  - nope: {}\n```", "no verifier is called 'nope'"),
        ("```yaml\na: b\n```", "a YAML block is a problem"),
        ("```json\n{\n```", "JSONDecodeError"),
        ("```toml\nnn = 3\n```", "nn: is not a setting"),
        ("<!-- test: skip it -->\n```console\n$ false\n```", "say why it is skipped"),
    ],
)
def test_the_checker_notices(text: str, words: str) -> None:
    with pytest.raises(BlockError) as caught:
        run(Page("p.md", model=False), list(blocks("p.md", text)))
    assert words in str(caught.value)


def test_the_checker_takes_what_is_right() -> None:
    text = (
        "```python\nasync def f():\n    return 1\nassert await f() == 1\nx = 2\n```\n"
        "```python\nprint(x, '3.14 s')\n```\n```text\n2 1.00 s\n```\n"
        "<!-- test: file f.txt -->\n```text\nhello there\n```\n```console\n$ cat f.txt\nhello …\n$ echo \\\n  a\na\n"
        "```\n"
    )
    run(Page("p.md", model=False), list(blocks("p.md", text)))


def test_a_block_that_is_not_closed() -> None:
    with pytest.raises(BlockError, match=r"p\.md:2: the block is not closed"):
        list(blocks("p.md", "a\n```python\nx"))


def test_shown_lines_are_whole_lines() -> None:
    shown("p", "a … c", "a b c\n")
    with pytest.raises(BlockError):
        shown("p", "b", "a b c\n")
