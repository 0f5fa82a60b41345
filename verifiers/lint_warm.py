"""Importing this reads the stubs of the standard library ahead: for the process that forks the workers of `lint`."""

from __future__ import annotations

from modulo.verifiers import lint_check as lint_check
from modulo.verifiers.lint_types import warm

warm()
