"""llama.cpp's server inside this process, one for each weights file, started at first use and shared by all solves."""

from __future__ import annotations

import asyncio
import atexit
import importlib
import importlib.util
import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modulo.errors import MissingExtraError, ProviderError, WeightsError

__all__ = ["SLOTS", "SLOT_CONTEXT", "Running", "require_xllamacpp", "running"]

SLOTS = 8
"""Choices decoded at once. Eight have twice the throughput of one on two cores; four gain nothing."""
SLOT_CONTEXT = 4096
"""Tokens of prompt and answer together that one choice may have."""

_READY_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        url: base URL of its OpenAI wire, on the loopback interface.
        key: API key without which it refuses other users of this machine.
        model: the id it serves the model under.
    """

    url: str
    key: str
    model: str


class _Servers:
    """The process's servers. `lock` guards the tables only, so nobody waits under it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.starting: dict[str, Future[Running]] = {}
        self.threads: list[threading.Thread] = []
        self.live: list[Any] = []
        self.cancel = threading.Event()

    def start(self, key: str, locate: Callable[[threading.Event], Path], model: str) -> Future[Running]:
        with self.lock:
            future = self.starting.get(key)
            if future is None:
                if not self.threads:
                    atexit.register(self.stop)
                future = self.starting[key] = Future()
                # Running from here on: one solve that is cancelled does not cancel the start for the others.
                future.set_running_or_notify_cancel()
                # Not the loop's executor: that is waited for when the loop ends, which an interrupt would
                # then hang on.
                thread = threading.Thread(
                    target=self._run, args=(key, future, locate, model), name=f"start {model}", daemon=True
                )
                self.threads.append(thread)
                thread.start()
            return future

    def _run(self, key: str, future: Future[Running], locate: Callable[[threading.Event], Path], model: str) -> None:
        try:
            server, running = _launch(locate(self.cancel), model)
        except BaseException as error:  # noqa: BLE001 (handed to whoever waits)
            with self.lock:
                self.starting.pop(key, None)
            future.set_exception(error)
        else:
            with self.lock:
                self.live.append(server)
            del server
            future.set_result(running)

    def stop(self) -> None:
        """Stop all servers before the interpreter does away with what their threads use."""
        self.cancel.set()
        for thread in self.threads:
            thread.join(timeout=_READY_SECONDS)
        with self.lock:
            self.live.clear()


_servers = _Servers()


async def running(key: str, locate: Callable[[threading.Event], Path], model: str) -> Running:
    """The server under `key`, started if need be. Solves that ask at once share one start, in any event loop.

    Args:
        key: one per weights file.
        locate: gives the file's path; runs in the starting thread, may take long, and should end when the
            event is set.
        model: id to serve the model under.

    Raises:
        ModuloError: what `locate` raised.
        WeightsError: llama.cpp cannot load the file.
        ProviderError: the server does not come up.
    """
    return await asyncio.wrap_future(_servers.start(key, locate, model))


def require_xllamacpp() -> None:
    """Raise `MissingExtraError` where llama.cpp is not installed; does not load it."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingExtraError('local models need an extra: pip install "llm-modulo[local]"')


def _launch(path: Path, model: str) -> tuple[Any, Running]:
    # OpenMP reads it when it is loaded, so xllamacpp must not be imported anywhere else. Spinning threads take the
    # cores from all that runs beside them: on two busy cores decoding is then three to eight times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    require_xllamacpp()
    import httpx

    xllamacpp: Any = importlib.import_module("xllamacpp")
    key = secrets.token_hex(16)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {model}
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * SLOT_CONTEXT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _cores()
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    # Otherwise every web page open in a browser here could talk to it.
    params.cors_origins = "http://127.0.0.1"
    params.ui = False
    params.verbosity = -1
    params.warmup = False
    # Probing the memory for a fit loads the model twice, and a second prompt cache in memory would grow to
    # 8 GB.
    params.fit_params = False
    params.cache_ram_mib = 0
    # Streams notice a stopping server only at a ping: this bounds the wait at exit.
    params.sse_ping_interval = 1
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise WeightsError(
            f"llama.cpp cannot load {path} ({' '.join(str(error).split())[:200]}); is it a whole .gguf file, "
            "and is there memory for it?"
        ) from error
    url = str(server.listening_address)
    deadline = time.monotonic() + _READY_SECONDS
    with httpx.Client(trust_env=False, verify=False) as client:
        while client.get(f"{url}/health").status_code != 200:
            if time.monotonic() > deadline:
                raise ProviderError(f"llama.cpp did not become ready within {_READY_SECONDS:.0f} s for {path}")
            time.sleep(0.02)
    return server, Running(url=f"{url}/v1", key=key, model=model)


def _cores() -> int:
    """Physical cores this process may use: more threads than that slow llama.cpp down."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        return os.cpu_count() or 1
    siblings = set()
    for cpu in allowed:
        try:
            text = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
        except OSError:
            text = str(cpu)
        siblings.add(text.strip())
    cores = len(siblings)
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, cores)
