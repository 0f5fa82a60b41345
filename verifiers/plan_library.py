"""unified-planning, imported. For workers only, which preload it.

Its engines name a class of ConfigSpace in one annotation. That package would bring scipy along, which is four fifths of
the time and most of the memory, so something else stands in for it while the import lasts.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

__all__ = ["SIMULATOR", "errors", "global_environment", "model"]


def _import() -> list[Any]:
    names = ("model", "exceptions", "engines.sequential_simulator", "environment")
    stand_in = ModuleType("ConfigSpace")
    vars(stand_in)["ConfigurationSpace"] = object
    absent = sys.modules.setdefault("ConfigSpace", stand_in) is stand_in
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries it imports
            return [importlib.import_module(f"unified_planning.{name}") for name in names]
    finally:
        if absent:
            del sys.modules["ConfigSpace"]


model, errors, _simulator, _environment = _import()
SIMULATOR = _simulator.UPSequentialSimulator


def global_environment() -> Any:
    """The one environment that its grounder works with."""
    return _environment.get_environment()
