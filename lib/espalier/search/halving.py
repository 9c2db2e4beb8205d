"""The smallest of many candidates that learns: found by halving their number, epochs doubled.

Every rung trains the candidates that are left anew, with each seed, and for twice as many epochs.
One half stays: the smallest that learn already, and of those smaller still the most accurate. On
the last rung, of the full number of epochs, it is tested who learns. Then the next smaller
candidate is trained in full too, whenever it was dropped, until the next smaller one does not
learn.

Source: Jamieson and Talwalkar 2016, Non-stochastic best arm identification and hyperparameter
optimization, for successive halving.
Differs: the aim is not the best score but the least size, so what is larger than something
that learns already is of no more use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from espalier.analysis.multiple_tests import holm
from espalier.search.learning import Bar, SeedScore, p_value

Candidate = tuple[tuple[str, str], ...]
"""The swept symbols but for seeds, and their values."""


@dataclass(frozen=True)
class CandidateScore:
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


Train = Callable[[Sequence[Candidate], int], Iterable[CandidateScore]]
"""Trains candidates for so many epochs, with every seed."""


@dataclass(frozen=True)
class HalvingResult:
    """Every candidate as it was measured last, smallest first, and what that comes to.

    `corrected` are the p-values of those trained in full, corrected for all candidates.
    """

    bar: Bar
    epochs: int
    every: tuple[CandidateScore, ...]
    corrected: Mapping[Candidate, float] = field(default_factory=dict)

    @property
    def full(self) -> list[CandidateScore]:
        """Those that were trained for all epochs, smallest first."""
        return [score for score in self.every if score.epochs == self.epochs]

    def learns(self, score: CandidateScore) -> bool:
        """Return whether a candidate that was trained in full has learnt."""
        return self.corrected.get(score.candidate, 1.0) < self.bar.alpha

    @property
    def smallest(self) -> CandidateScore | None:
        """The smallest that learns, of equal ones the most accurate; None if none does."""
        return next((score for score in self.full if self.learns(score)), None)

    @property
    def below(self) -> CandidateScore | None:
        """The most accurate of the next smaller size, or of the largest if none learns."""
        best = self.smallest
        smaller = [score for score in self.every if best is None or score.size < best.size]
        return next((score for score in smaller if score.size == smaller[-1].size), None)


def epochs(full: int, rungs: int) -> list[int]:
    """Return the epochs of each rung: `full` on the last, half as many before it, 1 at least."""
    return sorted({max(1, full >> back) for back in range(rungs)})


def find(
    candidates: Sequence[Candidate], train: Train, rungs: Sequence[int], bar: Bar
) -> HalvingResult:
    """Run the search over `rungs` of epochs, ascending."""
    left, seen = list(candidates), dict[Candidate, CandidateScore]()
    for count in rungs:
        if seen:
            left = halve([seen[candidate] for candidate in left], bar)
        seen |= {score.candidate: score for score in train(left, count)}
    while True:
        result = judge(seen.values(), rungs[-1], bar)
        unsure = untested_candidates(result)
        if not unsure:
            return result
        seen |= {score.candidate: score for score in train(unsure, rungs[-1])}


def halve(measured: Sequence[CandidateScore], bar: Bar) -> list[Candidate]:
    """Return the half of the candidates that goes on, in the order in which they came.

    A quarter of all are the most accurate of those that do not learn yet and are smaller than all
    that do; the rest are the smallest that learn. Too few of one leave their places to the other.
    """
    quota = (len(measured) + 1) // 2
    able = sorted((score for score in measured if score.p(bar) < bar.alpha), key=_order)
    least = able[0].size if able else float("inf")
    hopeful = [score for score in measured if score.p(bar) >= bar.alpha and score.size < least]
    hopeful.sort(key=lambda score: (-score.accuracy, *_order(score)))
    places = max(quota // 2, quota - len(able))
    kept = hopeful[:places]
    kept += able[: quota - len(kept)]
    chosen = {score.candidate for score in kept}
    return [score.candidate for score in measured if score.candidate in chosen]


def judge(measured: Iterable[CandidateScore], full: int, bar: Bar) -> HalvingResult:
    """Test which of those trained for `full` epochs learn."""
    every = tuple(sorted(measured, key=_order))
    tested = [score for score in every if score.epochs == full]
    corrected = holm([score.p(bar) for score in tested], len(every))
    names = [score.candidate for score in tested]
    return HalvingResult(bar, full, every, dict(zip(names, corrected, strict=True)))


def untested_candidates(result: HalvingResult) -> list[Candidate]:
    """Return what is to be trained in full before the smallest is certain, if anything.

    All of the next smaller size; if nothing learns, the more accurate half of what was dropped.
    """
    short = [score for score in result.every if score.epochs < result.epochs]
    if result.smallest is None:
        best = sorted(short, key=lambda score: (-score.accuracy, *_order(score)))
        return [score.candidate for score in best[: (len(best) + 1) // 2]]
    size = result.below.size if result.below else None
    return [score.candidate for score in short if score.size == size]


def _order(score: CandidateScore) -> tuple[float, float, Candidate]:
    """Order by size, then accuracy."""
    return (score.size, -score.accuracy, score.candidate)
