"""The values of a solve: frozen, strict about unknown fields, and plain JSON on the wire.

Words are those of the design: a *problem* has a statement and verifier specs; a model's *completion* holds a
*candidate*; a verifier's *verdict* on it has an *outcome* and *critiques*; one generate-verify turn is an *attempt*.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

__all__ = [
    "AnswerFormat",
    "Attempt",
    "Completion",
    "Critique",
    "Feedback",
    "Guarantee",
    "Message",
    "Outcome",
    "Problem",
    "Sampling",
    "Spec",
    "Status",
    "Usage",
    "Value",
    "Verdict",
    "accepted",
    "canonical_json",
    "digest",
    "overall",
    "weakest",
]


class Value(BaseModel):
    """Base of every value: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Outcome(StrEnum):
    """What a verifier concluded.

    `unknown`: it ran and could not decide. `error`: it did not run. Only `pass` is ever accepted.
    """

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    ERROR = "error"


class Guarantee(StrEnum):
    """What a pass means, from strongest to weakest."""

    PROOF = "proof"
    EVIDENCE = "evidence"
    TESTS = "tests"
    OPINION = "opinion"


class Feedback(StrEnum):
    """How much of the critiques the next prompt may hold, from nothing to counterexamples."""

    NONE = "none"
    BINARY = "binary"
    FIRST = "first"
    ALL = "all"
    COUNTEREXAMPLE = "counterexample"


class AnswerFormat(StrEnum):
    """The form of a candidate, which selects the extractor."""

    TEXT = "text"
    PYTHON = "python"
    JSON = "json"
    MATH = "math"
    PLAN = "plan"
    SMTLIB = "smtlib"


class Status(StrEnum):
    """How a solve ended. `error`: no attempt could be made or judged because something outside was down."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    ERROR = "error"


class Message(Value):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Usage(Value):
    """Tokens and money of one or more completions.

    `cost` is in US dollars and `None` when the price is unknown, never 0 for that. `estimated` says the server reported
    no token counts, so they are the number of streamed pieces.
    """

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float | None = None
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost=None if self.cost is None or other.cost is None else self.cost + other.cost,
            estimated=self.estimated or other.estimated,
        )


class Sampling(Value):
    """How to draw completions. `None` leaves a parameter to the server.

    Attributes:
        max_tokens: cap on completion tokens of each choice.
        seed: seed of the first choice; choice *i* of a fan-out uses `seed + i`.
        logprobs: ask for the log-probability of each sampled token.
        json_schema: constrain the answer to this JSON Schema, where the server can.
        timeout: seconds without any byte from the server after which a request is given up.
    """

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    json_schema: dict[str, JsonValue] | None = None
    timeout: float = Field(default=120.0, gt=0)


class Completion(Value):
    """Raw model output of one choice.

    Attributes:
        text: the answer part, without the model's thinking.
        reasoning: what a reasoning model put in `<think>…</think>` or in a `reasoning_content` field.
        index: position of the choice within its request, 0-based.
        finish_reason: `stop`, `length`, … as the server said; `None` if it did not.
        usage: this choice's own tokens. The prompt is counted on the first choice of a request only.
        logprobs: log-probability of each sampled token, if asked for and given.
    """

    text: str
    reasoning: str | None = None
    index: int = Field(default=0, ge=0)
    finish_reason: str | None = None
    model: str = ""
    seed: int | None = None
    usage: Usage = Usage()
    logprobs: tuple[float, ...] | None = None
    seconds: float = Field(default=0.0, ge=0)


class Critique(Value):
    """One actionable fault, in words an LLM can use.

    Attributes:
        message: what is wrong. Never holds a hidden test or a reference answer.
        locus: where, such as a constraint's name, a step of a plan or a line of code.
        counterexample: data that shows it; only shown at feedback level `counterexample`.
    """

    message: str
    locus: str | None = None
    counterexample: JsonValue = None


class Verdict(Value):
    """What one verifier says of one candidate.

    Attributes:
        guarantee: what this pass means; may be weaker than the verifier's best.
        evidence: facts for an audit: counts, solver statistics, image digests. Never hidden data.
        score: share of the spec that holds, in [0, 1], where the verifier can tell.
        seconds: wall time of the check.
        cached: the same candidate was judged before and the verdict reused.
    """

    verifier: str
    version: str
    outcome: Outcome
    hard: bool = True
    guarantee: Guarantee = Guarantee.PROOF
    critiques: tuple[Critique, ...] = ()
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    score: float | None = Field(default=None, ge=0, le=1)
    seconds: float = Field(default=0.0, ge=0)
    cached: bool = False


def accepted(verdicts: Sequence[Verdict]) -> bool:
    """True if there is a hard verdict and every hard verdict is `pass`; `all([])` alone would accept."""
    hard = [v for v in verdicts if v.hard]
    return bool(hard) and all(v.outcome is Outcome.PASS for v in hard)


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """The outcome of the hard critics together: a `fail` decides, then an `error`, then an `unknown`."""
    hard = {v.outcome for v in verdicts if v.hard}
    for outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN):
        if outcome in hard:
            return outcome
    return Outcome.PASS if hard else Outcome.UNKNOWN


def weakest(verdicts: Sequence[Verdict]) -> Guarantee | None:
    """The weakest guarantee among hard passes, which is the solution's; `None` if there is none."""
    order = list(Guarantee)
    held = [v.guarantee for v in verdicts if v.hard and v.outcome is Outcome.PASS]
    return max(held, key=order.index, default=None)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Hex sha256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


class Spec(Value):
    """One verifier of a problem: its entry-point name, its spec, and whether it gates acceptance.

    Written as a mapping of one key, `{"tests": {"entry": "f", …}}`; `hard: false` may stand inside the spec.
    """

    name: str
    spec: JsonValue = None
    hard: StrictBool = True

    @model_validator(mode="before")
    @classmethod
    def _from_single_key(cls, data: Any) -> Any:
        if isinstance(data, dict) and "name" not in data:
            if len(data) != 1:
                raise ValueError(
                    "a verifier is a mapping of one key, its name, to its spec, such as `tests: {entry: f, cases: […]}`"
                )
            ((name, spec),) = data.items()
            hard = True
            if isinstance(spec, dict) and "hard" in spec:
                hard, spec = spec["hard"], {k: v for k, v in spec.items() if k != "hard"}
            return {"name": name, "spec": spec, "hard": hard}
        return data

    def to_mapping(self) -> dict[str, JsonValue]:
        """The single-key form that a problem file has."""
        if self.hard or not isinstance(self.spec, dict):
            return {self.name: self.spec}
        return {self.name: {**self.spec, "hard": False}}


def _with_members(specs: Sequence[Any]) -> Iterator[Spec]:
    for given in specs:
        try:
            spec = Spec.model_validate(given)
        except ValidationError:  # not loaded yet; `load` says what is wrong with it
            continue
        yield spec
        members = spec.spec.get("verifiers") if isinstance(spec.spec, dict) else None
        if isinstance(members, list):
            yield from _with_members(members)


class Problem(Value):
    """An immutable problem: what to ask, in which form the answer comes, and who judges it.

    Attributes:
        id: name in traces and output; a digest of the statement if not given.
        statement: the prompt, in plain words.
        answer: the form of a candidate.
        verifiers: at least one spec, unless verifier objects are passed to `solve` or `graph`.
    """

    id: str = Field(default="", max_length=200)
    statement: Annotated[str, Field(min_length=1)]
    answer: AnswerFormat = AnswerFormat.TEXT
    verifiers: tuple[Spec, ...] = ()

    @field_validator("statement")
    @classmethod
    def _not_blank(cls, statement: str) -> str:
        if not statement.strip():
            raise ValueError("the statement is blank")
        return statement

    @model_validator(mode="before")
    @classmethod
    def _default_id(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("id") and isinstance(data.get("statement"), str):
            return {**data, "id": "p-" + digest(data["statement"])[:12]}
        return data

    @cached_property
    def problem_hash(self) -> str:
        """Digest of the whole problem."""
        return digest(self.to_json())

    @cached_property
    def spec_hash(self) -> str:
        """Digest of what decides a verdict: the answer format and the verifier specs."""
        return digest([self.answer.value, [s.to_mapping() for s in self.verifiers]])

    @cached_property
    def specs(self) -> tuple[Spec, ...]:
        """Every spec, those inside a combination's `verifiers` too, the outer ones first."""
        return tuple(_with_members(self.verifiers))

    def to_json(self) -> dict[str, JsonValue]:
        """The problem as its file would hold it."""
        return {
            "id": self.id,
            "statement": self.statement,
            "answer": self.answer.value,
            "verifiers": [s.to_mapping() for s in self.verifiers],
        }


class Attempt(Value):
    """One generate-verify turn.

    Attributes:
        index: order in which it was judged, 0-based, within the solve.
        parent: index of the attempt it repairs, or `None` for a fresh draft.
        node: id of its assistant message in the trace's tree.
        completion: the raw response.
        candidate: what the extractor took from it; `None` if there was nothing to take.
        verdicts: one per verifier that ran, in the order of the problem's specs.
    """

    index: int = Field(ge=0)
    parent: int | None = None
    node: int = Field(default=0, ge=0)
    completion: Completion
    candidate: str | None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def accepted(self) -> bool:
        """True if every hard verifier passed it."""
        return accepted(self.verdicts)

    @property
    def outcome(self) -> Outcome:
        """The hard verifiers' outcome together."""
        return overall(self.verdicts)

    @property
    def critiques(self) -> tuple[Critique, ...]:
        """Every critique of every verdict, in order."""
        return tuple(c for v in self.verdicts for c in v.critiques)

    @property
    def score(self) -> float:
        """Mean share of the hard specs that holds: 1 for a pass, a verdict's own partial score, else 0."""
        hard = [v for v in self.verdicts if v.hard]
        if not hard:
            return 0.0
        return sum(1.0 if v.outcome is Outcome.PASS else (v.score or 0.0) for v in hard) / len(hard)
