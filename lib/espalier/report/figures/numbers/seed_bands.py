"""How sure the mean of a few seeds is, as a band: a t-interval, or the seeds' own range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espalier.analysis.confidence import interval
from espalier.core.measures import Measure
from espalier.report.figures.figure_text import seeds_text

ENOUGH = 5
"""Seeds from which on a t-interval is drawn; of fewer its width is chance, and hides all else."""


@dataclass(frozen=True)
class SeedBands:
    """The bands of a figure, all of one kind; `counts` are the seeds of all that it draws."""

    by: Measure
    counts: Sequence[int]

    @property
    def are_intervals(self) -> bool:
        """Whether bands are 95 % t-intervals; else they are from the least seed to the most."""
        return min((n for n in self.counts if n > 1), default=0) >= ENOUGH

    def ends(self, scores: Sequence[float]) -> tuple[float, float] | None:
        """Return the ends of the band of some seeds, within what the measure can be.

        None for a single seed.
        """
        if len(scores) < 2:
            return None
        low, high = min(scores), max(scores)
        if self.are_intervals and (sure := interval(scores)):
            low, high = max(sure.low, self.by.minimum), min(sure.high, self.by.maximum)
        return low, high

    def words(self, what: str) -> str:
        """Return what bands, called `what`, are, and how many seeds they are of."""
        seeds = seeds_text(self.counts)
        if max(self.counts, default=0) < 2:
            return f"no {what}: {seeds}"
        kind = "95 % t-intervals" if self.are_intervals else "from the least to the most"
        return f"{what}: {kind}, {seeds}"
