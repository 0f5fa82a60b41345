"""Jobs for the tests of the pool; run as a module, a parent that prints its processes' ids and hangs."""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

from modulo.verifiers.pool import Pool
from modulo.verifiers.zygote import _connection, _number, ask

_leaked: list[bytearray] = []


def echo(value: Any) -> Any:
    return value


def pid(_: Any) -> int:
    return os.getpid()


def pids(_: Any) -> list[int]:
    return [os.getpid(), os.getppid()]


def doubled(questions: list[Any]) -> list[Any]:
    """Asks for each answer twice as much as it is told."""
    return [ask(question) * 2 for question in questions]


def raises(text: str) -> None:
    raise ValueError(text)


def leaves(status: int) -> None:
    sys.exit(status)


def not_json(_: Any) -> Any:
    return {1, 2}


def hang(path: str) -> None:
    """Says that it runs, then holds the interpreter in C where no Python signal handler or timer can interrupt it."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    while True:
        ctypes.PyDLL(None).sleep(1000)


def die(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def die_unless_marked(path: str) -> str:
    """Dies the first time; the mark is an empty file, since a worker may not write."""
    if os.path.exists(path):
        return "second time"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def allocate(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


def leak(megabytes: int) -> int:
    """Keeps memory for good, and takes long enough for another worker to be needed beside it."""
    _leaked.append(bytearray(megabytes << 20))
    time.sleep(0.5)
    return os.getpid()


def grow_then_abort(megabytes: int) -> None:
    held = b"x" * (megabytes << 20)
    os.kill(os.getpid(), signal.SIGABRT if held else 0)


def answer_of(size: int) -> str:
    return "x" * size


def surroundings(path: str) -> dict[str, Any]:
    written = 0
    try:
        with open(path, "wb", buffering=0) as file:
            written = file.write(b"x")
    except OSError:
        pass
    return {
        "written": written,
        "stdio": [os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2)],
        "files": sorted(os.listdir("/proc/self/fd"), key=int),
        "secret": os.environ.get("MY_API_KEY"),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "address_space": resource.getrlimit(resource.RLIMIT_AS)[0],
        "cwd": os.getcwd(),
        "isolated": sys.flags.isolated,
    }


def say(data: str) -> str:
    """Sends these bytes (hex) to the pool before the answer, with the job's number for `%b`, as if it had gone mad."""
    _connection[0].sendall(bytes.fromhex(data).replace(b"%b", struct.pack(">I", _number[0])))
    time.sleep(0.05)
    return "said"


def busy(seconds: float) -> list[int]:
    """Computes for so long; its process and its niceness at the end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return [os.getpid(), os.nice(0)]


@functools.cache
def _prepared(seconds: float) -> None:
    time.sleep(seconds)


def prepared_first(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Takes its time once in each worker, before it looks at a candidate."""
    _prepared(payload["preparing"])
    for candidate in payload["candidates"]:
        yield {"outcome": "pass", "evidence": {"candidate": candidate, "pid": os.getpid()}}


def judged(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A finding on each candidate, as the candidate says: an odd number fails, and some words do what they say."""
    for candidate in payload["candidates"]:
        match candidate.split():
            case ["hang"]:
                time.sleep(1000)
            case ["burn", seconds, *_]:
                end = time.monotonic() + float(seconds)
                while time.monotonic() < end:
                    pass
            case ["die"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["once", path] if not os.path.exists(path):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                os.kill(os.getpid(), signal.SIGKILL)
            case ["allocate", megabytes]:
                bytearray(int(megabytes) << 20)
            case ["leak", megabytes]:
                _leaked.append(bytearray(int(megabytes) << 20))
            case ["garbage"]:
                _connection[0].sendall(b"\xff" * 100)
            case ["raise", text]:
                raise ValueError(text)
            case ["stop"]:
                return
            case ["exit"]:
                sys.exit(3)
            case ["long", size]:
                yield {"outcome": "pass", "evidence": {"long": "x" * int(size)}}
                continue
            case ["odd"]:
                yield {"outcome": "perhaps"}
                continue
            case ["surrogate"]:
                yield {"outcome": "fail", "critiques": [{"message": "\ud800 is no text"}]}
                continue
            case _:
                pass
        number = candidate.rpartition(" ")[2]
        evidence = {"candidate": candidate, "pid": os.getpid()}
        if number.isdigit() and int(number) % 2:
            yield {
                "outcome": "fail",
                "critiques": [{"message": f"{number} is odd"}],
                "evidence": evidence,
                "score": 0.0,
            }
        else:
            yield {"outcome": "pass", "evidence": evidence, "score": 1.0}


if __name__ == "__main__":
    pool = Pool(workers=1)
    ids: Any = pool.run_sync("tests.verifiers.pool_jobs:pids", None, seconds=30)
    print(*ids, flush=True)
    pool.run_sync("tests.verifiers.pool_jobs:hang", sys.argv[1], seconds=600)
