"""The answer to "is A better than B?" that holds at whatever moment one looks.

Evidence is what a test martingale has come to; see `analysis.anytime_tests`. It is taken at its
largest so far, since one could have stopped there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from espalier.analysis.confidence import has_spread, interval
from espalier.analysis.equivalence import Answer, PairedAnswer, decide

Evidence = Callable[[Sequence[float]], Sequence[float]]
"""From differences the e-value after each of them, against "the mean is not above 0"."""
Bounds = tuple[float, float]

DOUBLINGS, TURNS = 10, 60
"""Of the reach in which an end of an interval is looked for, and of the bisection within it."""
LARGEST = 10_000
"""Of a number of seeds that is looked for."""


def answer_anytime(
    differences: Sequence[float], alpha: float, margin: float, evidence: Evidence
) -> PairedAnswer:
    """Return what paired `differences` so far say, positive where the first is better.

    `evidence` in their order. Each side may err in alpha / 2, so that better or worse is said in
    at most a share `alpha` of the cases in which both are equal; so is equivalent where the true
    mean is not within `margin`. The interval of the answer is none; see `bounds_anytime`.
    """
    difference = interval(differences, 1 - alpha)
    if difference is None or not has_spread(difference):
        return PairedAnswer(Answer.UNDECIDED, difference, 1.0, 1.0)
    better, worse = _largest(evidence, differences), _largest(evidence, _mirrored(differences))
    p, p_within = min(1.0, 2 / max(better, worse, 1.0)), 1.0
    if margin > 0:
        sides = [_largest(evidence, _shortfalls(each, margin)) for each in _both(differences)]
        p_within = min(1.0, 1 / max(min(sides), 1.0))
    return PairedAnswer(decide(better > worse, p, p_within, alpha), difference, p, p_within)


def bounds_anytime(differences: Sequence[float], alpha: float, evidence: Evidence) -> Bounds:
    """Return an interval of the mean that holds at level 1 - alpha whenever one looks.

    Its ends are where the evidence reaches 2 / alpha; an end that it does not reach is infinite.
    """
    low, high = (_end(each, alpha, evidence) for each in _both(differences))
    return low, -high


def seeds_anytime(
    differences: Sequence[float], alpha: float, margin: float, evidence: Evidence
) -> int | None:
    """Return how many seeds would decide if the `differences` came again and again in their order.

    None if more than LARGEST would be needed.
    """
    repeated = [*differences] * (LARGEST // len(differences))
    either = map(max, *(evidence(each) for each in _both(repeated)))
    needed = [_first([*either], 2 / alpha)]
    if margin > 0:
        within = [evidence(_shortfalls(each, margin)) for each in _both(repeated)]
        needed.append(_first([*map(min, *within)], 1 / alpha))
    return min((n for n in needed if n is not None), default=None)


def _first(values: Sequence[float], limit: float) -> int | None:
    return next((n for n, value in enumerate(values, start=1) if value >= limit), None)


def _end(differences: Sequence[float], alpha: float, evidence: Evidence) -> float:
    """Return the largest mean that the evidence says the true one is above; else -infinity."""

    def reached(mean: float) -> bool:
        return _largest(evidence, [value - mean for value in differences]) >= 2 / alpha

    if not differences or min(differences) == max(differences):
        return -math.inf
    top, reach = max(differences), max(differences) - min(differences)
    for _ in range(DOUBLINGS):
        if reached(top - reach):
            return _bisected(top - reach, top, reached)
        reach *= 2
    return -math.inf


def _bisected(low: float, high: float, reached: Callable[[float], bool]) -> float:
    for _ in range(TURNS):
        middle = (low + high) / 2
        low, high = (middle, high) if reached(middle) else (low, middle)
    return low


def _largest(evidence: Evidence, differences: Sequence[float]) -> float:
    return max(evidence(differences), default=1.0)


def _mirrored(differences: Sequence[float]) -> list[float]:
    return [-value for value in differences]


def _both(differences: Sequence[float]) -> tuple[list[float], list[float]]:
    return [*differences], _mirrored(differences)


def _shortfalls(differences: Sequence[float], margin: float) -> list[float]:
    """Return by how much each difference is less than the margin."""
    return [margin - value for value in differences]
