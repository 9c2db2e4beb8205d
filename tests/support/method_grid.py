"""Three methods at two sparsities, three seeds each: what a baseline is chosen from."""

from __future__ import annotations

from trial_results import passed, trial

from espalier.analysis.rank import TrialResult

SEEDS = (1, 2, 3)
SCORES = {
    ("magnitude", "0.9"): (90.0, 91.0, 92.0),
    ("magnitude", "0.95"): (87.0, 88.0, 88.5),
    ("state", "0.9"): (91.0, 92.125, 92.875),
    ("state", "0.95"): (86.5, 87.75, 88.0),
    ("movement", "0.9"): (80.0, 81.125, 81.875),
    ("movement", "0.95"): (77.0, 78.125, 78.375),
}
"""Accuracies by method and sparsity: `state` is better by 1 at 0.9, and worse by 5/12 at 0.95."""


def method_grid() -> list[TrialResult]:
    """The grid; `state` has a decay of its own, takes 1.5 times as long and keeps 51 for 50."""
    made: list[TrialResult] = []
    for (name, sparsity), scores in SCORES.items():
        own = {"DECAY": "0.1"} if name == "state" else {}
        live = {"0.9": 100, "0.95": 50 + (name == "state")}[sparsity]
        for seed, score in zip(SEEDS, scores, strict=True):
            swept = {"PRUNING_METHOD": name, "TARGET_SPARSITY": sparsity, **own}
            made.append(
                passed(
                    trial(len(made) + 1, seed, **swept),
                    score,
                    final_sparsity=float(sparsity),
                    live_parameters=live,
                    steps=10,
                    total_time=15.0 if own else 10.0 + seed / 10,
                )
            )
    return made
