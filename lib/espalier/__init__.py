"""Espalier: a benchmark harness for networks that change shape while they train.

The classes for a training loop of one's own, and searches within a budget of parameters, are here
by name. Importing this package imports none of them, so that planning a sweep need not wait for
torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "FlattenWrapper": "flatten",
    "remap": "remapping",
    "load_model": "train.loading",
    "NeuronApoptosisManager": "apoptosis.managers",
    "FunctionalPreservationApoptosis": "apoptosis.managers",
    "GradualFadeApoptosis": "apoptosis.managers",
    "ContinuousTurnoverApoptosis": "apoptosis.managers",
    "HybridGrowthAndDeath": "apoptosis.managers",
    "GrowthOnlyManager": "apoptosis.managers",
    "CrossoverApoptosis": "apoptosis.managers",
    "OrthogonalApoptosis": "apoptosis.managers",
    "DistillationApoptosis": "apoptosis.managers",
    "LayerApoptosisManager": "apoptosis.layerwise",
    "HyperparameterSearcher": "search.searcher",
    "SearchResult": "search.results",
    "load_results": "search.results",
    "quick_prototype_search": "search.scenarios",
    "optimize_for_budget": "search.scenarios",
    "compare_architectures": "search.scenarios",
    "thorough_optimization": "search.scenarios",
    "find_pareto_optimal": "search.scenarios",
}
__all__ = list(_HOMES)  # noqa: PLE0604, PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
