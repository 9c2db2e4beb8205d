"""What a sampler is told of a configuration: the mean of each measure over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from espalier.analysis.rank import TrialResult
from espalier.core.measures import Measure


def reported_values(results: Sequence[TrialResult], ways: Sequence[Measure]) -> list[float] | None:
    """Return the mean of each measure; None for a configuration that failed.

    That is one with a seed that did not pass, or that has no finite number of a measure: the mean
    over the lucky seeds would flatter it.
    """
    columns = [[item.measure(way.name) for item in results] for way in ways]
    if any(value is None for column in columns for value in column):
        return None
    return [fmean(value for value in column if value is not None) for column in columns]
