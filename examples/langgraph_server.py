"""Both strategies as graphs for LangGraph's own server: `langgraph dev`, with `langgraph.json` at the top.

Settings come from `modulo.toml` and `MODULO_…` variables, as for the command line. It stands here and not in the
package, because it puts parts together, which adapters may not do; copy it into your app and change what you like.
"""

from __future__ import annotations

from typing import Any

from modulo import graph
from modulo.compose import options
from modulo.config import load_settings


def build(strategy: str) -> Any:
    return graph(strategy, **options(load_settings()))


best_of_n = build("best_of_n")
critique_retry = build("critique_retry")
