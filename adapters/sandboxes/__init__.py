"""Where untrusted code runs. `open_sandbox` gives the best backend that works; `probe` says whether one does."""

from __future__ import annotations

from modulo.adapters.sandboxes.select import KINDS, open_sandbox, probe

__all__ = ["KINDS", "open_sandbox", "probe"]
