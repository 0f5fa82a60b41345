"""In the trusted worker: the tests' end of the conversation with a candidate in its sandbox.

Believes nothing: what comes back is data of a known form (`modulo.linked`) or it is a fault of the candidate. A *fault*
is what no test can turn into a pass, whatever it catches: the test during which it happened fails. After a fatal one
(no answer in time, the process gone, a forged reply) nothing more can be asked.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modulo.linked import Linker, LinkError
from modulo.tagged import TaggedError, decode, encode
from modulo.verifiers.tests_hosts import Hosts
from modulo.verifiers.tests_shown import arguments, shown
from modulo.verifiers.tests_words import became

__all__ = ["MODULE", "DeadError", "FaultError", "Link", "Record", "TestsFaultError"]

MODULE = 1
"""Number of the candidate's module."""

_OUT_LIMIT = 20_000
_TOLD_LIMIT = 1_000_000


class FaultError(Exception):
    """The candidate did what no answer is; the test fails even if it catches this."""


class DeadError(BaseException):
    """The candidate cannot be asked any more. No `Exception`, so that neither tests nor hypothesis go on."""


class TestsFaultError(Exception):
    """The tests themselves ask for what cannot be done; `field` of the spec is to be mended."""

    __test__ = False

    def __init__(self, reason: str, field: str = "code") -> None:
        self.field = field
        super().__init__(reason)


@dataclass
class Record:
    """One call of the candidate, in words: `square(3)`, `returned 9`."""

    call: str
    became: str = "was not answered"
    error: BaseException | None = None


class Link(Linker):
    """Asks the candidate; hands out proxies for what stays there.

    Args:
        exchange: sends one message and returns the reply, as `modulo.protocols.CallReply` without its class.
        program: the candidate's source, to quote a line of.
        memory_mb: its memory, for words.
        test_module: name of the tests' module.
        call_seconds: for one call; whoever exchanges keeps it, except for coroutines.
        proxies: makes and recognises proxies (`modulo.verifiers.tests_proxy`).
    """

    def __init__(
        self,
        exchange: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        program: str,
        test_module: str,
        memory_mb: int,
        call_seconds: float,
        proxies: Any,
    ) -> None:
        super().__init__(first=0)
        self.call_seconds = call_seconds
        self._exchange, self._program, self._memory_mb, self._proxies = exchange, program, memory_mb, proxies
        self._known: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self._classes: dict[int, type] = {}
        self._class_of: dict[int, int] = {}
        self._dropped: list[int] = []
        self._hosts = Hosts(test_module)
        self.faults: list[str] = []
        self.tests_fault = ""
        self.missing = ""
        self.dead = ""
        self.asked = 0
        self.last: Record | None = None
        self._nested = 0

    # -- asking

    def call(self, label: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a callable of the candidate's; `label` is how to name it."""
        record = self.last = Record(f"{label}({arguments(args, kwargs)})")
        try:
            result = self.do("call", function, *args, kwargs=kwargs)
        except StopIteration:
            # Inside map() it would end the test's own loop, and what was not looked at would count as right.
            record.became = "raised StopIteration"
            raise self.fault(f"{record.call} raised StopIteration outside of an iterator") from None
        except BaseException as error:
            record.error = error
            raise
        record.became = f"returned {shown(result)}"
        self.last = record
        return result

    def do(self, verb: str, *args: Any, kwargs: dict[str, Any] | None = None) -> Any:
        """Have the candidate's side do something with its objects, and return or raise what becomes of it."""
        if self.dead:
            raise DeadError(self.dead)
        if verb not in ("get", "names", "repr"):
            self.asked += 1
        named = [[name, value] for name, value in (kwargs or {}).items()]
        body: dict[str, Any] = self._told(
            lambda: {
                "do": verb,
                "args": [self.pack(value) for value in args],
                "kwargs": [[name, self.pack(value)] for name, value in named],
            }
        )
        self._nested += 1
        try:
            while True:
                told = self._reply(body)
                if told["did"] == "returned":
                    return self._opened(told["value"])
                if told["did"] == "raised":
                    raise self._raised(told)
                body = self._serve(told)
        finally:
            self._nested -= 1

    def fault(self, text: str) -> FaultError:
        """Record a fault; raise what is returned."""
        self.faults.append(text)
        return FaultError(text)

    def late(self) -> DeadError:
        """A coroutine has not come to its end in time; raise what is returned."""
        text = became("timeout", f"over call_seconds = {self.call_seconds:g} s", None, self._program, self._memory_mb)
        return self._die(f"{self.last.call if self.last else 'a coroutine'} {text}")

    def _die(self, text: str) -> DeadError:
        self.dead = text
        self.faults.append(text)
        return DeadError(text)

    def _told(self, body: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A whole message. What the tests hand over and cannot cross is the tests' fault."""
        drop_cells = self._unused_cells()
        drop_objects, self._dropped = self._dropped, []
        for number in drop_objects:
            self._class_of.pop(number, None)
        try:
            packed = body()
            whole = {**packed, "cells": self.changes(), "drop_cells": drop_cells, "drop_objects": drop_objects}
            return {"tell": encode(whole, size=_TOLD_LIMIT)}
        except (LinkError, TaggedError) as error:
            self.tests_fault = self.tests_fault or f"something cannot be handed to the program: {error}"
            self.dead = "nothing more was asked"
            raise TestsFaultError(self.tests_fault) from None

    def _unused_cells(self) -> list[int]:
        """Forget the cells that nobody but us holds any more, once the other side knows what is in them."""
        unused: list[int] = []
        if self._nested:  # what has just arrived is not held by anybody yet
            return unused
        while more := [n for n, cell in self.cells.items() if sys.getrefcount(cell.value) == 2 and cell.is_told()]:
            self.forget(more)
            unused += more
        return unused

    def _reply(self, body: dict[str, Any]) -> dict[str, Any]:
        reply = self._exchange(body)
        kind = reply["kind"]
        if kind != "value":
            text = became(kind, reply["error"], reply["line"], self._program, self._memory_mb)
            if self.last is not None:
                self.last.became = text
            raise self._die(f"{self.last.call} {text}" if self.last is not None else f"the program {text}")
        try:
            told = decode(reply["value"])
            if type(told) is not dict or told.get("did") not in ("returned", "raised", "asks"):
                raise LinkError("a reply is malformed")
            self._learn_news(told)
            out = told["out"]
            if type(out) is not str or len(out) > _OUT_LIMIT:
                raise LinkError("a reply is malformed")
            sys.stdout.write(out)
        except (LinkError, TaggedError, KeyError, ValueError, TypeError) as error:
            raise self._die(f"the program did not answer as it must ({error})") from None
        return told

    def _opened(self, form: Any) -> Any:
        try:
            return self.open(form)
        except LinkError as error:
            raise self._die(f"the program did not answer as it must ({error})") from None

    # -- what came

    def _learn_news(self, told: dict[str, Any]) -> None:
        for number, name, bases, specials, builtin in told["classes"]:
            if type(number) is not int or number in self._classes or type(name) is not str or type(builtin) is not bool:
                raise LinkError("a class is malformed")
            opened = [self.open(base) for base in bases]
            if type(specials) is not list or not all(type(special) is str for special in specials):
                raise LinkError("a class is malformed")
            self._classes[number] = self._proxies.make_class(number, name, opened, specials, builtin=builtin)
        for number, of in told["objects"]:
            if type(number) is not int or number in self._class_of or of not in self._classes:
                raise LinkError("an object is malformed")
            self._class_of[number] = of
        self.learn(told["cells"])

    def resolve(self, form: list[Any]) -> Any:
        """See `Linker.resolve`."""
        tag, number, *_ = [*form, None]
        if type(number) is int:
            if tag == "class" and number in self._classes:
                return self._classes[number]
            if tag == "object" and (number in self._known or number in self._class_of):
                return self._object(number)
            if tag == "host" and number in self._hosts:
                return self._hosts[number]
        raise LinkError("an unknown object")

    def _object(self, number: int) -> Any:
        found = self._known.get(number)
        if found is None:
            if number in self._dropped:
                self._dropped.remove(number)
            found = self._proxies.make(self._classes[self._class_of[number]], number)
            self._known[number] = found
            weakref.finalize(found, self._dropped.append, number).atexit = False
        return found

    def _raised(self, told: dict[str, Any]) -> BaseException:
        """The exception that the candidate raised, as one of the tests' side."""
        text, line = told.get("text"), told.get("line")
        said = became("raised", text if type(text) is str else "", line, self._program, self._memory_mb)
        if self.last is not None:
            self.last.became = said
        if told.get("error") is None:
            return self.fault(f"{self.last.call} {said}" if self.last is not None else f"the program {said}")
        error = self._opened(told["error"])
        if not isinstance(error, Exception):
            return self._die("the program did not answer as it must (it raised what is no exception)")
        self._proxies.set_text(error, text if type(text) is str else "")
        return error

    # -- what the candidate asks of the tests

    def foreign(self, value: Any) -> list[Any]:
        """See `Linker.foreign`."""
        form: list[Any] | None = self._proxies.form(value)
        return form if form is not None else self._hosts.form(value, self.pack)

    def _serve(self, told: dict[str, Any]) -> dict[str, Any]:
        """Answer what the candidate asked in the middle of a call."""
        before = self.last
        try:
            args = [self.open(item) for item in told["args"]]
            kwargs = {str(name): self.open(item) for name, item in told["kwargs"]}
        except (LinkError, KeyError, TypeError, ValueError) as error:
            raise self._die(f"the program did not answer as it must ({error})") from None
        try:
            result = self._hosts.perform(told.get("verb"), told.get("of"), args, kwargs)
            packed = self._packed(result, told.get("verb"))
        except Exception as error:  # noqa: BLE001 - what a function of the tests raises goes to who called it
            raised = error
            return self._told(lambda: {"raise": self.pack(raised)})
        except DeadError:
            raise
        except BaseException:  # pytest.skip and its like: not for the candidate to catch
            self.dead = "the tests broke off in the middle of a call"
            raise
        finally:
            self.last = before
        return self._told(lambda: {"return": packed})

    def _packed(self, value: Any, verb: Any) -> Any:
        """The form of an answer. An attribute that cannot cross is none: it was looked at, and not handed over."""
        try:
            return self.pack(value)
        except LinkError as error:
            if verb == "get":
                raise AttributeError(str(error)) from None
            self.tests_fault = (
                self.tests_fault or f"a function of the tests returns what cannot be handed over: {error}"
            )
            raise TestsFaultError(self.tests_fault) from None
