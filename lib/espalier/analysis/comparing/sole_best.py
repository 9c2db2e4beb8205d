"""Whether a ranking has one best configuration, as its verdicts say, and why not if it has none."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from espalier.analysis.comparing.best_per import BestThere, value
from espalier.analysis.confidence import Verdict
from espalier.analysis.rank import Configuration, Ranking
from espalier.core.texts.count_text import count_text


@dataclass(frozen=True)
class SoleBest:
    """The configuration that all others are behind, or None with the reason `why`."""

    best: Configuration | None
    why: str = ""


def sole_best(ranking: Ranking) -> SoleBest:
    """Return the best configuration if every other one is behind, with the error rate of a table.

    Those that missed their target, where the best met its own, need not be: they never rank before
    it. The verdicts hold for one look at seeds set beforehand, so that neither a race nor a sweep
    with trials still to run has such a best.
    """
    return _best_of(ranking, ranking, id)


def sole_best_value(there: BestThere, symbol: str, whole: Ranking) -> SoleBest:
    """Return the best at one level of `best_per` if all with another value of `symbol` are behind.

    It stands for its value: where the truly best configuration has another one, that is behind in
    at most a share alpha of sweeps. `whole` is the ranking that the level is a part of.
    """
    return _best_of(there.ranking, whole, lambda item: value(item, symbol))


def _best_of(
    ranking: Ranking, whole: Ranking, key: Callable[[Configuration], Hashable]
) -> SoleBest:
    """Return the best if all that differ from it in `key` are behind."""
    if ranking.best is None:
        return SoleBest(None, "no configuration has a score")
    if why := _unfinished(whole):
        return SoleBest(None, why)
    return _among(ranking.best, ranking, key)


def _unfinished(ranking: Ranking) -> str:
    if ranking.raced:
        return "a race gave out the seeds"
    pending = sum(item.pending for item in ranking.configurations)
    return f"{count_text(pending, 'trial')} not run yet" if pending else ""


def _among(
    best: Configuration, ranking: Ranking, key: Callable[[Configuration], Hashable]
) -> SoleBest:
    rivals = [item for item in ranking.ranked if bool(item.short) == bool(best.short)]
    others = [item for item in rivals if key(item) != key(best)]
    level = sum(item.verdict is not Verdict.BEHIND for item in others)
    if not others:
        return SoleBest(None, "there is no other to compare with")
    if best.verdict is Verdict.BEHIND:
        return SoleBest(None, "the first is behind another that lacks seeds")
    if level:
        return SoleBest(None, f"{level} of {len(others)} others not behind the best")
    return SoleBest(best)
