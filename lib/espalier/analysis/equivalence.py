"""The answer to "is A better than B?" from paired differences: also that both are equivalent.

Source: Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach
for assessing the equivalence of average bioavailability".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from espalier.analysis.confidence import Interval, has_spread, interval
from espalier.analysis.multiple_tests import interval_p, upper_p

MARGIN = 0.0
"""What counts as equal where no margin is given: nothing."""
LARGEST_MARGIN = 1e9
"""The largest margin, whose squares are still numbers."""


class Answer(StrEnum):
    """What is said of the first of two against the second."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class PairedAnswer:
    """An answer with its numbers.

    `difference` has a two-sided interval at the level 1 - alpha, None without a pair; `p` is
    two-sided, of no difference; `p_within` is the larger of those of the two tests that the
    difference is as large as the margin, 1 without a margin.
    """

    answer: Answer
    difference: Interval | None
    p: float
    p_within: float


def answer(differences: Sequence[float], alpha: float, margin: float) -> PairedAnswer:
    """Return what paired `differences`, positive where the first is better, say at level `alpha`.

    Equivalent, if both one-sided tests at `alpha` find the mean within `margin` >= 0; else better
    or worse, if the two-sided p is at most `alpha`. Fewer than two pairs, or the same difference on
    all, are undecided.
    """
    difference = interval(differences, 1 - alpha)
    if difference is None or not has_spread(difference):
        return PairedAnswer(Answer.UNDECIDED, difference, 1.0, 1.0)
    p = interval_p(difference)
    p_within = _p_within(difference, margin)
    return PairedAnswer(decide(difference.mean > 0, p, p_within, alpha), difference, p, p_within)


def decide(is_better: bool, p: float, p_within: float, alpha: float) -> Answer:
    """Return the answer of two tests at level `alpha`, by their p; see `PairedAnswer`."""
    if p_within <= alpha:
        return Answer.EQUIVALENT
    if p > alpha:
        return Answer.UNDECIDED
    return Answer.BETTER if is_better else Answer.WORSE


def _p_within(difference: Interval, margin: float) -> float:
    if margin <= 0:
        return 1.0
    return max(upper_p(margin + side * difference.mean, difference) for side in (1, -1))
