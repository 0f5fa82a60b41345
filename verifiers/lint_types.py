"""mypy on a program that is hostile: it reads the stubs of the standard library and no other file. Runs in a worker.

mypy would look for an `import` in the current folder, in site-packages and beside a configuration file, and it would
write a cache. Here it sees the file system through a window of one folder, gets its options from this module alone,
and the worker can write nothing. `warm` reads the stubs once, before workers are forked, into a cache that they share:
a check then takes some 30 ms in place of a second.
"""

from __future__ import annotations

import atexit
import gc
import itertools
import os
import shutil
import tempfile
from typing import Any

import mypy
from mypy import build
from mypy.errors import CompileError
from mypy.fscache import FileSystemCache
from mypy.modulefinder import BuildSource
from mypy.options import Options

__all__ = ["examine", "warm"]

_STUBS = os.path.join(os.path.dirname(os.path.abspath(mypy.__file__)), "typeshed") + os.sep

# Modules whose stubs are read ahead. After `warm`, all others are `Any`: their stubs would be read for each program.
# fmt: off
_WARMED = (
    "__future__", "_thread", "abc", "argparse", "array", "ast", "asyncio", "atexit", "base64", "binascii", "bisect",
    "builtins", "bz2", "calendar", "cmath", "cmd", "code", "codecs", "collections", "collections.abc", "colorsys",
    "concurrent.futures", "configparser", "contextlib", "contextvars", "copy", "csv", "ctypes", "dataclasses",
    "datetime", "decimal", "difflib", "dis", "email", "enum", "errno", "fileinput", "fnmatch", "fractions",
    "functools", "gc", "getpass", "gettext", "glob", "graphlib", "gzip", "hashlib", "heapq", "hmac", "html",
    "html.parser", "http", "http.client", "importlib", "inspect", "io", "ipaddress", "itertools", "json", "keyword",
    "linecache", "locale", "logging", "lzma", "math", "mimetypes", "multiprocessing", "mypy_extensions", "numbers",
    "operator", "os",
    "os.path", "pathlib", "pickle", "platform", "pprint", "queue", "random", "re", "reprlib", "sched", "secrets",
    "select", "selectors", "shelve", "shlex", "shutil", "signal", "socket", "sqlite3", "stat", "statistics", "string",
    "struct", "subprocess", "symtable", "sys", "sysconfig", "tempfile", "textwrap", "threading", "time", "timeit",
    "token", "tokenize", "traceback", "tracemalloc", "types", "typing", "typing_extensions", "unicodedata",
    "unittest", "unittest.mock", "urllib.parse", "urllib.request", "uuid", "warnings", "weakref",
    "xml.etree.ElementTree", "zipfile", "zlib", "zoneinfo",
)
# fmt: on


class _Window(FileSystemCache):
    """The stubs of the standard library as the whole file system, or `only` some of them."""

    def __init__(self, only: frozenset[str] | None) -> None:
        super().__init__()
        self.only = only

    def _visible(self, path: str) -> bool:
        path = os.path.abspath(path)
        if not (path + os.sep).startswith(_STUBS):
            return False
        return self.only is None or path in self.only or not path.endswith(".pyi")

    def stat_or_none(self, path: str) -> os.stat_result | None:
        return super().stat_or_none(path) if self._visible(path) else None

    def listdir(self, path: str) -> list[str]:
        if not self._visible(path):
            raise FileNotFoundError(path)
        return super().listdir(path)

    def read(self, path: str) -> bytes:
        if not self._visible(path):
            raise FileNotFoundError(path)
        return super().read(path)


_COLLECT = 8
_runs = itertools.count()
_cache = os.devnull
_window = _Window(None)


def warm() -> None:
    """Read the stubs into a cache in a temporary folder, which is removed when this process ends."""
    global _cache, _window
    folder = tempfile.mkdtemp(prefix="modulo-lint-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = "\n".join(f"import {name}" for name in _WARMED)
    found = build.build([_source(program)], _options(folder), fscache=_Window(None))
    read = frozenset(os.path.abspath(module.path) for module in found.graph.values() if module.path)
    _cache, _window = folder, _Window(read)
    examine("x = 1")  # from the cache, so that its reader is loaded too


def examine(program: str) -> list[str]:
    """What mypy says of a program, one JSON object a fault: `line`, `message`, `severity`, and more."""
    # mypy all but turns the collector off, which is right for one run and grows by 5 MB a run in a process of many.
    if next(_runs) % _COLLECT == 0:
        gc.collect()
    try:
        found: Any = build.build([_source(program)], _options(_cache), fscache=_window)
    except CompileError as error:
        return list(error.messages)
    return list(found.errors)


def _source(program: str) -> BuildSource:
    return BuildSource(None, "program", program)


def _options(cache: str) -> Options:
    options = Options()
    options.cache_dir = cache
    options.incremental = cache != os.devnull
    options.sqlite_cache = False
    options.python_executable = None  # so that no site-packages are looked for
    options.namespace_packages = False
    options.ignore_missing_imports = True
    options.check_untyped_defs = True
    options.output = "json"
    return options
