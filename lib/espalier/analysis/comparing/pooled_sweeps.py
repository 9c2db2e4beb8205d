"""Trials of several sweeps as those of one: pooled by configuration and seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from espalier.analysis.rank import TrialResult
from espalier.core.trial import Status


class PooledTrials(NamedTuple):
    """The trials of several sweeps, numbered in the order of the sweeps and their plans.

    `repeated` is the number of those left out because another sweep has the same trial.
    """

    results: list[TrialResult]
    repeated: int


def pool(sweeps: Sequence[Iterable[TrialResult]]) -> PooledTrials:
    """Return the trials of several sweeps; one that several have counts once.

    It counts as in the first sweep in which it passed, or else in the first that has it.
    """
    every = [item for results in sweeps for item in results]
    chosen: dict[str, TrialResult] = {}
    for item in every:
        held = chosen.setdefault(item.trial.id, item)
        if not _passed(held) and _passed(item):
            chosen[item.trial.id] = item
    kept = list(chosen.values())
    if len(sweeps) > 1:
        kept = [_renumbered(item, number) for number, item in enumerate(kept, start=1)]
    return PooledTrials(kept, len(every) - len(kept))


def _passed(item: TrialResult) -> bool:
    return item.result.status is Status.PASSED


def _renumbered(item: TrialResult, number: int) -> TrialResult:
    return item._replace(trial=replace(item.trial, number=number))
