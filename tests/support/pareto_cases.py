"""Networks of several sizes with their scores."""

from __future__ import annotations

from collections.abc import Sequence

from trial_results import ended, nets, passed, trial

from espalier.analysis.pareto import Front, fronts
from espalier.analysis.rank import TrialResult, rank
from espalier.core.trial import Status


def only(results: Sequence[TrialResult], by: str = "val_acc") -> Front:
    (front,) = fronts(rank(results, by))
    return front


def with_a_lost_seed() -> list[TrialResult]:
    results = nets((100, [70.0, 70.0]), (50, [99.0]), (200, [80.0, 80.0]))
    return [*results, ended(trial(6, 2, WIDTH="1"), Status.FAILED, "diverged")]


def waiting() -> list[TrialResult]:
    """Every configuration has a seed that has not run yet."""
    left = [ended(trial(n, 2, WIDTH=str(n - 3)), Status.NOTRUN) for n in (3, 4)]
    return [*nets((100, [70.0]), (200, [80.0])), *left]


def on_several_data_sets() -> list[TrialResult]:
    networks = [("a", 100, 90.0), ("b", 150, 50.0), ("b", 300, 60.0), ("a", 200, 95.0)]
    return [
        passed(trial(n, 1, DATASET=data, WIDTH=str(n)), score, live_parameters=size)
        for n, (data, size, score) in enumerate([*networks, ("c", 9, 1.0)], start=1)
    ]
