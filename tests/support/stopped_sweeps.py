"""Results of sweeps whose configurations stop early, made by hand."""

from __future__ import annotations

from espalier.analysis.rank import TrialResult
from espalier.analysis.stopping.rung_scores import RUNG_EPOCH
from espalier.core.trial import RUNG, Record, Result, Status, Trial

SETTINGS = {"STOP": "asha", "STOP_REDUCTION": "2", "STOP_RUNGS": "1,2", "STOP_BY": ""}
HOSTILE = "</script><img src=x onerror=alert(1)>$x^$_\\ \u00e4\U0001f600"


SPARSE = 70.0
"""The score of the arm that is pruned."""


def arm_trial(number: int, seed: int, arm: str) -> Trial:
    config = {"ARM": arm, "SEED": str(seed), "NUM_EPOCHS": "4"}
    return Trial(number, f"config_{number:03d}", f"{number:012x}", config, {"ARM": arm})


def history(score: float, epochs: int) -> list[Record]:
    sparse = 0.9 if score == SPARSE else 0.0
    return [{"epoch": n, "val_acc": score + n, "sparsity": sparse} for n in range(1, epochs + 1)]


def complete(item: Trial, score: float) -> TrialResult:
    """`item` after its four epochs."""
    measures = {"val_acc": score + 4, "test_acc": score, "total_time": 1.0}
    return TrialResult(item, Result(Status.PASSED, "", "", measures, history(score, 4)), 3)


def stopped(item: Trial, score: float, epoch: int) -> TrialResult:
    """`item` as it was stopped at a rung."""
    said = f"stopped after epoch {epoch} by asha: place 2 of 2 by validation accuracy"
    measures = {RUNG_EPOCH: epoch, "epochs": epoch, "rung_score": score + epoch}
    return TrialResult(item, Result(Status.STOPPED, RUNG, said, measures, history(score, epoch)), 2)


def stopped_sweep(name: str = "c") -> list[TrialResult]:
    """Two seeds each of four arms: one came to its end, two stopped, one waits somewhere."""
    arms = {"a": (90.0, 0), "b": (70.0, 2), name: (50.0, 1), "d": (0.0, -1)}
    made: list[TrialResult] = []
    for arm, (score, epoch) in arms.items():
        for seed in (1, 2):
            item = arm_trial(len(made) + 1, seed, arm)
            if epoch < 0:
                made.append(TrialResult(item, Result(Status.NOTRUN), 0))
            else:
                made.append(stopped(item, score, epoch) if epoch else complete(item, score))
    return made
