"""Espalier: a benchmark harness for networks that change shape while they train.

It offers by name the classes for a training loop of your own, the searches within a budget of
parameters, and `load_sweep`, which gives the results of a sweep as frames of pandas. They are
imported when they are first used, so that planning a sweep need not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "AdamWPrune": "optimizers.adamwprune",
    "MagnitudePruning": "methods.own_loop.pruning",
    "MovementPruning": "methods.own_loop.pruning",
    "StatePruning": "methods.own_loop.pruning",
    "SnipPruning": "methods.own_loop.criteria",
    "GraspPruning": "methods.own_loop.criteria",
    "SynFlowPruning": "methods.own_loop.criteria",
    "WandaPruning": "methods.own_loop.criteria",
    "OBDPruning": "methods.own_loop.criteria",
    "OBSPruning": "methods.own_loop.criteria",
    "RandomPruning": "methods.own_loop.criteria",
    "StaticSparse": "methods.own_loop.dynamic_sparsity",
    "SET": "methods.own_loop.dynamic_sparsity",
    "RigL": "methods.own_loop.dynamic_sparsity",
    "SNFS": "methods.own_loop.dynamic_sparsity",
    "DSR": "methods.own_loop.dynamic_sparsity",
    "GraNet": "methods.own_loop.dynamic_sparsity",
    "SRigL": "methods.own_loop.dynamic_sparsity",
    "CHT": "methods.own_loop.dynamic_sparsity",
    "CHTs": "methods.own_loop.dynamic_sparsity",
    "FlattenWrapper": "layers.flatten",
    "remap": "train.checkpoints.remapping",
    "load_model": "train.checkpoints.model_loading",
    "NeuronApoptosisManager": "methods.apoptosis.managers",
    "FunctionalPreservationApoptosis": "methods.apoptosis.managers",
    "GradualFadeApoptosis": "methods.apoptosis.managers",
    "ContinuousTurnoverApoptosis": "methods.apoptosis.managers",
    "HybridGrowthAndDeath": "methods.apoptosis.managers",
    "GrowthOnlyManager": "methods.apoptosis.managers",
    "CrossoverApoptosis": "methods.apoptosis.managers",
    "OrthogonalApoptosis": "methods.apoptosis.managers",
    "DistillationApoptosis": "methods.apoptosis.managers",
    "ContinualBackprop": "methods.apoptosis.published_managers",
    "ReDo": "methods.apoptosis.published_managers",
    "LayerApoptosisManager": "methods.apoptosis.branches.layer_apoptosis",
    "HyperparameterSearcher": "search.searcher",
    "SearchResult": "search.search_results",
    "load_results": "search.search_results",
    "quick_prototype_search": "search.scenarios",
    "optimize_for_budget": "search.scenarios",
    "compare_architectures": "search.scenarios",
    "thorough_optimization": "search.scenarios",
    "find_pareto_optimal": "search.scenarios",
    "load_sweep": "report.frames.loaded_sweep",
    "sweep": "search.sweep_call",
    "log": "scripts.program_log",
    "config": "scripts.program_log",
}
__all__ = list(_HOMES)  # noqa: PLE0604, PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
