"""The smallest of many candidates that learns: found by halving their number, epochs doubled.

Every rung trains the candidates that are left anew, with each seed, and for twice as many epochs.
One half stays: the smallest that learn already, and of those smaller still the most accurate. On
the last rung, of the full number of epochs, it is tested who learns. Then the next smaller
candidate is trained in full too, whenever it was dropped, until the next smaller one does not
learn.

Source: Jamieson and Talwalkar 2016, Non-stochastic best arm identification and hyperparameter
optimization, for successive halving.
Differs: what is wanted is not the best score but the least size, so what is larger than something
that learns already is of no more use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from espalier.search.learning import Bar, SeedScore, holm, p_value

Candidate = tuple[tuple[str, str], ...]
"""The swept symbols but for seeds, and their values."""


@dataclass(frozen=True)
class Measured:
    """What the seeds of a candidate came to after `epochs`; `size` in live edges, a mean.

    `lost` is why some have no score; the candidate then has not learnt.
    """

    candidate: Candidate
    epochs: int
    size: float
    draws: tuple[SeedScore, ...]
    test: tuple[float, ...] = ()  # shares of the test samples, never looked at here
    lost: str = ""

    @property
    def accuracy(self) -> float:
        """The mean over seeds; 0 without any."""
        return fmean(draw.accuracy for draw in self.draws) if self.draws else 0.0

    def p(self, bar: Bar) -> float:
        """Return the uncorrected p-value; 1 unless every seed has a score."""
        return 1.0 if self.lost else p_value(self.draws, bar)


Train = Callable[[Sequence[Candidate], int], Iterable[Measured]]
"""Trains candidates for so many epochs, with every seed."""


@dataclass(frozen=True)
class Found:
    """Every candidate as it was measured last, smallest first, and what that comes to.

    `corrected` are the p-values of those trained in full, corrected for all candidates.
    """

    bar: Bar
    epochs: int
    every: tuple[Measured, ...]
    corrected: Mapping[Candidate, float] = field(default_factory=dict)

    @property
    def full(self) -> list[Measured]:
        """Those that were trained for all epochs, smallest first."""
        return [one for one in self.every if one.epochs == self.epochs]

    def learns(self, one: Measured) -> bool:
        """Return whether a candidate that was trained in full has learnt."""
        return self.corrected.get(one.candidate, 1.0) < self.bar.alpha

    @property
    def smallest(self) -> Measured | None:
        """The smallest that learns, of equal ones the most accurate; None if none does."""
        return next((one for one in self.full if self.learns(one)), None)

    @property
    def below(self) -> Measured | None:
        """The most accurate of the next smaller size, or of the largest if none learns."""
        best = self.smallest
        smaller = [one for one in self.every if best is None or one.size < best.size]
        return next((one for one in smaller if one.size == smaller[-1].size), None)


def epochs(full: int, rungs: int) -> list[int]:
    """Return the epochs of each rung: `full` on the last, half as many before it, 1 at least."""
    return sorted({max(1, full >> back) for back in range(rungs)})


def find(candidates: Sequence[Candidate], train: Train, rungs: Sequence[int], bar: Bar) -> Found:
    """Run the search over `rungs` of epochs, ascending."""
    left, seen = list(candidates), dict[Candidate, Measured]()
    for count in rungs:
        if seen:
            left = halved([seen[one] for one in left], bar)
        seen |= {one.candidate: one for one in train(left, count)}
    while True:
        found = judged(seen.values(), rungs[-1], bar)
        unsure = untested(found)
        if not unsure:
            return found
        seen |= {one.candidate: one for one in train(unsure, rungs[-1])}


def halved(measured: Sequence[Measured], bar: Bar) -> list[Candidate]:
    """Return the half of the candidates that goes on, in the order in which they came.

    A quarter of all are the most accurate of those that do not learn yet and are smaller than all
    that do; the rest are the smallest that learn. Too few of one leave their places to the other.
    """
    quota = (len(measured) + 1) // 2
    able = sorted((one for one in measured if one.p(bar) < bar.alpha), key=_order)
    least = able[0].size if able else float("inf")
    hopeful = [one for one in measured if one.p(bar) >= bar.alpha and one.size < least]
    hopeful.sort(key=lambda one: (-one.accuracy, *_order(one)))
    places = max(quota // 2, quota - len(able))
    kept = hopeful[:places]
    kept += able[: quota - len(kept)]
    chosen = {one.candidate for one in kept}
    return [one.candidate for one in measured if one.candidate in chosen]


def judged(measured: Iterable[Measured], full: int, bar: Bar) -> Found:
    """Test which of those trained for `full` epochs learn."""
    every = tuple(sorted(measured, key=_order))
    tested = [one for one in every if one.epochs == full]
    corrected = holm([one.p(bar) for one in tested], len(every))
    names = [one.candidate for one in tested]
    return Found(bar, full, every, dict(zip(names, corrected, strict=True)))


def untested(found: Found) -> list[Candidate]:
    """Return what is to be trained in full before the smallest is certain, if anything.

    All of the next smaller size; if nothing learns, the more accurate half of what was dropped.
    """
    short = [one for one in found.every if one.epochs < found.epochs]
    if found.smallest is None:
        best = sorted(short, key=lambda one: (-one.accuracy, *_order(one)))
        return [one.candidate for one in best[: (len(best) + 1) // 2]]
    size = found.below.size if found.below else None
    return [one.candidate for one in short if one.size == size]


def _order(one: Measured) -> tuple[float, float, Candidate]:
    """Order by size, then accuracy."""
    return (one.size, -one.accuracy, one.candidate)
