"""Results of a sweep over the rows of the orthogonal array L4."""

from __future__ import annotations

from trial_results import ended, passed, trial

from espalier.analysis.effects import Effects, main_effects
from espalier.analysis.rank import TrialResult
from espalier.core.trial import Status

L4 = [("0", "0", "0"), ("0", "1", "1"), ("1", "0", "1"), ("1", "1", "0")]

LEVELS = {"A": ["0", "1"], "B": ["0", "1"], "C": ["0", "1"]}


def sweep(scores: list[list[float]]) -> list[TrialResult]:
    """The rows of L4 over A, B and C with a score a seed; None failed."""
    made: list[TrialResult] = []
    for (a, b, c), row in zip(L4, scores, strict=True):
        for seed, score in enumerate(row, 1):
            item = trial(len(made) + 1, seed, A=a, B=b, C=c)
            lost = ended(item, Status.FAILED, "diverged")
            made.append(lost if score is None else passed(item, score))
    return made


def effects(scores: list[list[float]], by: str = "val_acc") -> Effects:
    return main_effects(sweep(scores), by, LEVELS)


FULL = [[90.0, 92.0], [83.0, 85.0], [70.0, 72.0], [60.0, 64.0]]  # rows 91, 84, 71, 62
