"""What a figure is drawn from: a sweep as it stands, or the folder of a seed finder, and wishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from espalier.analysis import arms, controls
from espalier.analysis.axis_means import varied_values
from espalier.analysis.claims.claim_judging import JudgedClaims, judge
from espalier.analysis.comparing import against_baseline
from espalier.analysis.comparing.against_baseline import AgainstBaseline
from espalier.analysis.controls import Comparison
from espalier.analysis.race_standing import RaceStanding, standing
from espalier.analysis.rank import Configuration, Ranking, recorded, swept_values
from espalier.core.errors import UserError
from espalier.core.measures import measures_of
from espalier.core.records import PlanHeader
from espalier.core.trial import REPETITION
from espalier.report.comparing.opened_sweeps import OpenedSweep, open_sweep
from espalier.report.figures.axis_names import AxisNames, check_labels, parse_labels
from espalier.store.results_dir import STORE

SEEDS = "seeds.json"
"""What a seed finder leaves in its folder."""
TOP = 10
"""How many configurations a figure of the best has, where nothing else says it."""


class NothingToDrawError(UserError):
    """A sweep has no such figure; its text says why, and what would give it one."""


@dataclass(frozen=True, kw_only=True)
class FigureWishes:
    """What a user wishes of figures.

    `by` are the symbols that tell series apart, `x` and `y` symbols or measures of axes, `top` how
    many of the best are drawn (None: as many as suit the figure), `baseline` a text of BASELINE,
    `labels` words by symbol or measure. Symbols have no `CONFIG_`.
    """

    by: Sequence[str] = ()
    x: str | None = None
    y: str | None = None
    top: int | None = None
    baseline: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FigureInput:
    """A folder, the sweep in it (None for that of a seed finder), and the wishes."""

    folder: Path
    sweep: OpenedSweep | None
    wishes: FigureWishes = FigureWishes()

    @property
    def opened(self) -> OpenedSweep:
        """The sweep. Raises NothingToDrawError in the folder of a seed finder."""
        if self.sweep is None:
            raise NothingToDrawError(f"{self.folder} is a seed finder's folder, and no sweep's")
        return self.sweep

    @property
    def header(self) -> PlanHeader:
        """The header of the sweep's plan."""
        return self.opened.header

    @cached_property
    def ranking(self) -> Ranking:
        """The configurations, best first. Raises NothingToDrawError if none has a score."""
        ranking = self.opened.ranking
        if not ranking.ranked:
            rule = f"no trial has passed yet with a finite {ranking.measure.label}"
            raise NothingToDrawError(rule)
        return ranking

    @cached_property
    def every(self) -> list[Configuration]:
        """All configurations, in plan order."""
        return arms.in_plan_order((*self.ranking.ranked, *self.ranking.unranked))

    @cached_property
    def axes(self) -> dict[str, list[str]]:
        """The values of each symbol that varies between ranked configurations, in plan order."""
        return varied_values(self.ranking.ranked)

    @property
    def symbols(self) -> list[str]:
        """The symbols of BY, else all that vary. Raises NothingToDrawError if none does."""
        if not self.axes:
            rule = "no swept symbol varies between ranked configurations"
            raise NothingToDrawError(f"{rule}; sweep two values of one")
        return list(self.by_symbols or self.axes)

    @cached_property
    def compared(self) -> list[Comparison]:
        """Every configuration with each of its controls."""
        return controls.comparisons(self.ranking, self.header.controls)

    @cached_property
    def beside(self) -> AgainstBaseline | None:
        """All configurations beside the baseline. Raises UserError if no trial has it."""
        given = self.wishes.baseline
        return against_baseline.against(self.ranking, given) if given else None

    @cached_property
    def race(self) -> RaceStanding | None:
        """How the sweep stands if it is a race."""
        race = self.header.race
        return None if race is None else standing(self.opened.results, race)

    @cached_property
    def judged(self) -> JudgedClaims | None:
        """The claims of the sweep, if it has any."""
        return judge(self.header, self.opened.results)

    def top(self, usual: int = TOP) -> int:
        """Return how many of the best are drawn: as many as TOP says, else `usual`."""
        return self.wishes.top or usual

    @cached_property
    def names(self) -> AxisNames:
        """The words of symbols and measures. Raises UserError for a label of what is not there."""
        if self.sweep is not None:
            _check_labels(self.wishes.labels, self.sweep)
        return AxisNames(self.wishes.labels)

    def why_not_varied(self, name: str) -> str:
        """Return why a name is no symbol that tells configurations apart; empty if it is one."""
        if name in self.axes:
            return ""
        some = ", ".join(self.axes) or "nothing"
        if name in REPETITION:
            return f"seeds are averaged over; what else the sweep varies is {some}"
        return f"must be a symbol that the sweep varies, which are {some}"

    @cached_property
    def by_symbols(self) -> tuple[str, ...]:
        """The symbols of BY. Raises UserError for one that the sweep does not vary."""
        for name in self.wishes.by:
            if rule := self.why_not_varied(name):
                raise UserError(f"BY={name}: {rule}")
        return tuple(self.wishes.by)


def _check_labels(labels: Mapping[str, str], sweep: OpenedSweep) -> None:
    """Raise UserError for a label of what is neither a symbol nor a measure of a sweep."""
    results, ranking = sweep.results, measures_of(sweep.by)
    there = {name for each in results for name in each.trial.config}
    varied = dict.fromkeys(name for each in results for name in swept_values(each.trial))
    ranked = [name for by in ranking for name in (by.name, by.curve) if name]
    check_labels(labels, there, list(varied), list(dict.fromkeys([*ranked, *recorded(results)])))


def figure_input(folder: Path, by: str | None, wishes: FigureWishes) -> FigureInput:
    """Return what figures of a folder are drawn from; `by` is a text of RANK_BY.

    Raises UserError if it is neither that of a sweep nor that of a seed finder.
    """
    seeds = (folder / SEEDS).is_file() and not (folder / STORE).exists()
    return FigureInput(folder, None if seeds else open_sweep(folder, by), wishes)


def parse_wishes(
    by_symbols: str = "",
    x: str | None = None,
    y: str | None = None,
    labels: str = "",
    **others: Any,
) -> FigureWishes:
    """Return wishes from texts, as make has them. Raises UserError for labels that are none."""
    x, y = ((text or "").removeprefix("CONFIG_") or None for text in (x, y))
    by = split_symbols(by_symbols)
    return FigureWishes(by=by, x=x, y=y, labels=parse_labels(labels), **others)


def split_symbols(text: str) -> tuple[str, ...]:
    """Return the symbols of a text of BY, by commas, without `CONFIG_`."""
    names = (part.strip().removeprefix("CONFIG_") for part in text.split(","))
    return tuple(filter(None, names))
