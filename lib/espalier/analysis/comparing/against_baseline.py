"""Each configuration beside a baseline that a user chose, seed by seed. Pure functions.

The baseline of a configuration has the values that were given (`PRUNING_METHOD=magnitude`), where
the configuration has others, and agrees with it in every other symbol that both have, but for
choices that a method needs for itself, as its optimizer; or it is the one configuration that was
named (`config_012`), whatever differs. Of several that agree the first in the plan is taken.
Differences are configuration minus baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from espalier.analysis import arms
from espalier.analysis.arms import Arm
from espalier.analysis.control_deltas import MeanDifference
from espalier.analysis.controls import Comparison
from espalier.analysis.rank import Configuration, Ranking
from espalier.core.measures import Measure

OPTION = "BASELINE"

Values = tuple[tuple[str, str], ...]
"""Symbols with their values."""


@dataclass(frozen=True)
class LevelMean(MeanDifference):
    """The mean over the configurations with `own` values of the baseline's symbols.

    `level` is the symbol and value that they also share; None for the mean over all of them.
    """

    own: Values
    level: tuple[str, str] | None


@dataclass(frozen=True)
class AgainstBaseline:
    """All configurations beside their baseline, the best configuration first.

    `alone` have none that agrees with them in all else. `ambiguous` are those for which several
    configurations are the baseline.
    """

    arm: Arm
    by: Measure
    compared: tuple[Comparison, ...]
    alone: tuple[Configuration, ...]
    ambiguous: tuple[Configuration, ...]

    @cached_property
    def also(self) -> tuple[str, ...]:
        """Choices beside the baseline's own in which configurations differ from it.

        None beside one named configuration, which may differ in anything.
        """
        if self.arm.name:
            return ()
        pairs = [(item.arm, item.control) for item in self.compared]
        return tuple(dict.fromkeys(n for p in pairs for n in arms.differing(*p, self.arm.values)))

    @property
    def label(self) -> str:
        """The baseline as it is written, and in what else configurations differ from it."""
        return str(self.arm) + f" (different in {', '.join(self.also)} too)" * bool(self.also)

    @cached_property
    def means(self) -> list[LevelMean]:
        """Means over configurations: for each kind over all, then for each level of other axes.

        None beside one named configuration, which differs from others in many ways at once, and
        none of a single comparison.
        """
        if self.arm.name:
            return []
        kinds: dict[Values, list[Comparison]] = {}
        for item in self.compared:
            if item.pairs:
                kinds.setdefault(_own_values(item.arm, self.arm), []).append(item)
        every = (kind for own, group in sorted(kinds.items()) for kind in self._of_kind(own, group))
        return [kind for kind in every if len(kind.compared) > 1 or kind.level]

    def _of_kind(self, own: Values, group: Sequence[Comparison]) -> Iterable[LevelMean]:
        yield LevelMean(tuple(group), own, None)
        for name, levels in self._levels(group).items():
            for text, items in levels.items() if len(levels) > 1 else ():
                yield LevelMean(tuple(items), own, (name, text))

    def _levels(self, group: Iterable[Comparison]) -> dict[str, dict[str, list[Comparison]]]:
        """Return the comparisons by symbol and value of the other axes, in plan order."""
        axes: dict[str, dict[str, list[Comparison]]] = {}
        for item in sorted(group, key=lambda item: item.arm.results[0].trial.number):
            for name, text in item.arm.swept.items():
                if name not in self.arm.values:
                    axes.setdefault(name, {}).setdefault(text, []).append(item)
        return axes


def against(ranking: Ranking, text: str) -> AgainstBaseline:
    """Return every configuration beside the baseline that `text` names. Raises UserError."""
    every = ranking.configurations
    arm = arms.resolve(arms.parse_arm(text, OPTION), every, OPTION)
    base = [item for item in every if arm.holds(item)]
    others = [item for item in every if not arm.holds(item)]
    places = {id(item): place for place, item in enumerate(every)}
    met = sorted(_matched(others, base, arm), key=lambda pair: places[id(pair[0])])
    compared = [Comparison(item, own[0], "", str(arm), ranking.measure) for item, own in met if own]
    return AgainstBaseline(
        arm,
        ranking.measure,
        tuple(compared),
        tuple(item for item, own in met if not own),
        tuple(item for item, own in met if len(own) > 1),
    )


def _matched(
    others: Sequence[Configuration], base: Sequence[Configuration], arm: Arm
) -> list[tuple[Configuration, list[Configuration]]]:
    """Return each configuration with its baselines: of equal samples, for one that was named."""
    if arm.name:
        return [(item, _of_samples(item, base)) for item in others]
    kinds: dict[Values, list[Configuration]] = {}
    for item in others:
        kinds.setdefault(_own_values(item, arm), []).append(item)
    return [pair for kind in kinds.values() for pair in _agreeing(kind, base, set(arm.values))]


def _agreeing(
    kind: Sequence[Configuration], base: Sequence[Configuration], free: set[str]
) -> list[tuple[Configuration, list[Configuration]]]:
    """Return each configuration with those that agree with it in all but the `free` symbols.

    If none of the kind has one, choices that the kind or the baseline needs may differ too, as an
    optimizer, where both were validated on the same samples.
    """
    met = arms.agreeing(kind, base, free)
    if any(own for _, own in met):
        return met
    relaxed = arms.agreeing(kind, base, {*free, *arms.own_choices(kind, base)})
    return [(item, _of_samples(item, own)) for item, own in relaxed]


def _of_samples(item: Configuration, base: Iterable[Configuration]) -> list[Configuration]:
    return [own for own in base if own.samples == item.samples]


def _own_values(item: Configuration, arm: Arm) -> Values:
    """Return the values of a configuration for the symbols of the baseline."""
    config = item.first.config
    return tuple((name, config[name]) for name in arm.values if name in config)
