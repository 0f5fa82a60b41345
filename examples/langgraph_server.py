"""Both strategies as graphs for LangGraph's own server: `langgraph dev`, with `langgraph.json` at the top.

Settings come from `modulo.toml` and `MODULO_…` variables, as for the command line. It stands here and not in the
package, because it puts parts together, which adapters may not do; copy it into your app and change what you like.
"""

from __future__ import annotations

from typing import Any

from modulo import Budget, Sampling, graph
from modulo.config import load_settings


def build(strategy: str) -> Any:
    settings = load_settings()
    return graph(
        strategy,
        model=settings.model,
        n=settings.n or 8,
        rounds=settings.rounds or 4,
        feedback=settings.feedback,
        budget=Budget(tokens=settings.max_tokens, wall_seconds=settings.timeout),
        sampling=Sampling(
            temperature=0.8 if settings.temperature is None else settings.temperature,
            max_tokens=settings.answer_tokens,
            seed=settings.seed,
        ),
        sandbox=settings.sandbox,
        trace=settings.trace,
    )


best_of_n = build("best_of_n")
critique_retry = build("critique_retry")
