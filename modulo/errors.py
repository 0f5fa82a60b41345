"""The exception tree. Every error a user can meet is one of these, with the fix in its message.

    ModuloError
    ├── UsageError               exit 2   a flag, a file or a value is wrong
    │   ├── ProblemError                  problem file or verifier spec; names file and field
    │   ├── ModelStringError              a model string nobody can open
    │   ├── ConfigError                   modulo.toml or an environment variable
    │   └── TraceError                    a trace file that cannot be read or written
    ├── UnavailableError         exit 4   the outside is down or missing
    │   ├── ProviderError                 the model's server: refused, rejected, broken stream, no key
    │   ├── SandboxUnavailableError       no backend can isolate untrusted code here
    │   ├── WeightsError                  model weights cannot be found, fetched or trusted
    │   └── MissingExtraError             an optional dependency is not installed
    ├── WorkerError              (data)   a verifier's worker died for a reason that is not the candidate's
    └── BudgetExhaustedError     (data)   ends a solve with what there is; never reaches a user

The last two become data (`modulo/bank.py` and the graphs): they never cross the API.
"""

from __future__ import annotations

__all__ = [
    "BudgetExhaustedError",
    "ConfigError",
    "MissingExtraError",
    "ModelStringError",
    "ModuloError",
    "ProblemError",
    "ProviderError",
    "SandboxUnavailableError",
    "TraceError",
    "UnavailableError",
    "UsageError",
    "WeightsError",
    "WorkerError",
]


class ModuloError(Exception):
    """Base of all errors raised by this package. `exit_code` is what the command line returns for it."""

    exit_code = 3


class UsageError(ModuloError):
    """The caller's input is wrong; the message names the place and the fix in one line."""

    exit_code = 2


class ProblemError(UsageError):
    """A problem, or a verifier's spec in it, is malformed.

    Attributes:
        field: dotted path of the offending field, such as `verifiers[0].tests.cases`, or "" for the whole.
        source: file name and line (`p.yaml:3`), or "" where the problem did not come from a file.
    """

    def __init__(self, message: str, *, field: str = "", source: str = "") -> None:
        self.message, self.field, self.source = message, field, source
        super().__init__(": ".join(part for part in (source, field, message) if part))

    def at(self, *, prefix: str = "", source: str = "") -> ProblemError:
        """The same error seen from further out: its field under `prefix`, its source filled in."""
        joined = prefix + ("." if prefix and self.field and not self.field.startswith("[") else "") + self.field
        return ProblemError(self.message, field=joined, source=self.source or source)


class ModelStringError(UsageError):
    """No model can be opened from this string."""


class ConfigError(UsageError):
    """A setting in `modulo.toml`, the environment or a flag is wrong."""


class TraceError(UsageError):
    """A trace file cannot be read or written."""


class UnavailableError(ModuloError):
    """Something outside this process is missing or down."""

    exit_code = 4


class ProviderError(UnavailableError):
    """The model's server cannot answer. Raised after retries, where a retry could have helped."""


class SandboxUnavailableError(UnavailableError):
    """No permitted backend can isolate untrusted code on this machine."""


class WeightsError(UnavailableError):
    """Weights cannot be found, downloaded, or do not have the bytes their catalogue entry promises."""


class MissingExtraError(UnavailableError):
    """An optional dependency is not installed; the message holds the `pip install` line."""


class WorkerError(ModuloError):
    """A verifier's worker process could not run the job: killed by the machine, or broken."""


class BudgetExhaustedError(ModuloError):
    """A limit of the budget is reached. `limit` names it, such as `samples` or `wall_seconds`."""

    def __init__(self, limit: str) -> None:
        self.limit = limit
        super().__init__(f"budget exhausted: {limit}")
