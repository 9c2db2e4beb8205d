"""Hand-made outcomes for the ranking's tests: no store, no training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espalier.analysis.rank import TrialResult
from espalier.core.trial import Result, Status, Trial

FIXED = {
    "MODEL": "mlp",
    "OPTIMIZER": "adamwprune",
    "PRUNING_METHOD": "state",
    "DATASET": "digits",
    "TARGET_SPARSITY": "0.7",
}


def trial(number: int, seed: int, **swept: str) -> Trial:
    """Trial `number` with SEED and `swept` varied."""
    varied = {**swept, "SEED": str(seed)}
    return Trial(number, f"config_{number:03d}", f"{number:012x}", {**FIXED, **varied}, varied)


def passed(item: Trial, val_acc: float, test_acc: float = 90.0, **more: Any) -> TrialResult:
    """`item` with its numbers; a sparsity on target and ten seconds unless told otherwise."""
    measures = {"val_acc": val_acc, "test_acc": test_acc, "final_sparsity": 0.7, "total_time": 10.0}
    return TrialResult(item, Result(Status.PASSED, measures={**measures, **more}), 1)


def ended(
    item: Trial, status: Status, reason: str = "", message: str = "", **more: Any
) -> TrialResult:
    """`item` with another status."""
    attempts = {Status.NOTRUN: 0, Status.ERROR: 2}.get(status, 1)
    return TrialResult(item, Result(status, reason, message, measures=more), attempts)


def sweep(scores: dict[str, list[float]]) -> list[TrialResult]:
    """One configuration a key (its BETA1), one passed seed a score, from seed 1."""
    made: list[TrialResult] = []
    for beta, values in scores.items():
        for seed, value in enumerate(values, 1):
            made.append(passed(trial(len(made) + 1, seed, ADAMWPRUNE_BETA1=beta), value))
    return made


def nets(*scored_sizes: tuple[int, Sequence[float]], by: str = "val_acc") -> list[TrialResult]:
    """A configuration for each size with its scores, one a seed."""
    made: list[TrialResult] = []
    for place, (size, scores) in enumerate(scored_sizes):
        for seed, score in enumerate(scores, 1):
            seed_trial = trial(len(made) + 1, seed, WIDTH=str(place))
            made.append(passed(seed_trial, **{"val_acc": 50.0, by: score}, live_parameters=size))
    return made
