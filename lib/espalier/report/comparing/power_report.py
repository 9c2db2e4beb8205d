"""What a plan's seeds can see, before it runs: a few lines for people.

How far paired differences spread is known from earlier sweeps of the same model, data and measure,
this plan's own first seeds included. Without any, differences are in units of that spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from espalier.analysis.claims.claim_text import Claim, configurations, parse_claim
from espalier.analysis.comparing.paired_spread import FEWEST
from espalier.analysis.confidence import ALPHA
from espalier.analysis.multiple_best import pair_level
from espalier.analysis.power import LARGEST, POWER, detectable_difference, seeds_needed
from espalier.analysis.rank import Configuration
from espalier.core.measures import Measure, measures_of
from espalier.core.records import PlanHeader
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Result, Status, Trial
from espalier.kconfig.declared_measures import resolve
from espalier.report.comparing.earlier_spread import (
    EarlierSpread,
    kind_of,
    latest_spreads,
    of_kinds,
)

MOST_KINDS = 4  # of models and data that have a line
CASES = f"{POWER * 100:.0f} of 100 cases"


@dataclass(frozen=True)
class Wish:
    """The measure that is looked ahead for, the level of a test, and a difference to be seen.

    That is in the measure's unit.
    """

    by: Measure
    alpha: float
    detect: float | None


@dataclass(frozen=True)
class Foresight:
    """A plan's configurations of one model and data, with the spread that is known of them."""

    group: Sequence[Configuration]
    wish: Wish
    earlier: EarlierSpread | None

    @property
    def name(self) -> str:
        """The model and its data set, or that it is a program of which neither is known."""
        config = self.group[0].first.config
        if "SCRIPT" in config:
            return "the program"
        return f"{config.get('MODEL', 'the model')} on {config.get('DATASET', 'the data')}"

    @property
    def seeds(self) -> int:
        """The fewest seeds of a configuration."""
        return min(len(item.results) for item in self.group)

    @property
    def levels(self) -> dict[str, float]:
        """The two-sided level of a test, by what it is of: one pair, and the best of all."""
        count = len(self.group)
        several = {f"behind the best of {count}": pair_level(count, self.wish.alpha)}
        return {"between two": self.wish.alpha, **(several if count > 2 else {})}

    def amount(self, value: float) -> str:
        """Return a difference with its unit: the measure's, or the spread itself."""
        if self.earlier is None:
            return f"{value:.2f} standard deviations"
        return self.wish.by.number(value) + self.wish.by.difference_unit


def power_lines(
    header: PlanHeader, trials: Sequence[Trial], results: Path, wish: Wish, entry: str | None
) -> list[str]:
    """Return what differences the seeds of a plan can see; nothing for one configuration.

    `results` is the folder of earlier sweeps, `entry` what trains trials (None: the library).
    """
    every = configurations((trial, Result(Status.NOTRUN), 0) for trial in trials)
    if len(every) < 2:
        return []
    groups = of_kinds(every)
    claims = [parse_claim(text) for text in (header.claims.claims if header.claims else [])]
    spreads = latest_spreads(results, groups, {wish.by, *(claim.by for claim in claims)}, entry)
    lines = ["", f"Power: what a paired test at alpha {wish.alpha:g} shows in {CASES}"]
    for kind, group in islice(groups.items(), MOST_KINDS):
        lines += _ahead(Foresight(group, wish, spreads.get((kind, wish.by))))
    for claim in claims:
        kinds = {kind_of(item.first) for item in claim.ask(every, ALPHA).configurations}
        earlier = [spreads[kind, claim.by] for kind in kinds if (kind, claim.by) in spreads]
        lines += _claim(claim, header, earlier)
    return lines


def read_wish(header: PlanHeader, by: str | None, alpha: float, detect: float | None) -> Wish:
    """Return the wish for `by`, else for what ranks the plan. Raises UserError."""
    return Wish(measures_of(resolve(by or header.settings["RANK_BY"]))[0], alpha, detect)


def _ahead(ahead: Foresight) -> Iterator[str]:
    """Yield the lines of one model and data set."""
    head = f"  {ahead.name}, {ahead.wish.by.label}, {count_text(ahead.seeds, 'seed')}"
    if ahead.seeds < 2:
        yield f"{head}: nothing, since one shows no chance; plan more, as in CONFIG_SEED=1:1:10"
    else:
        sd = ahead.earlier.spread.sd if ahead.earlier else 1.0
        parts = [
            f"{ahead.amount(detectable_difference(sd, ahead.seeds, level))} {what}"
            for what, level in ahead.levels.items()
        ]
        yield f"{head}: a difference of {', '.join(parts)}"
    yield f"    {_origin(ahead)}"
    if ahead.wish.detect is not None:
        yield f"    {_seeds_to_see(ahead, ahead.wish.detect)}"


def _origin(ahead: Foresight) -> str:
    """Return where the spread is from, or how to get one."""
    if ahead.earlier is None:
        return (
            "in units of the spread of paired differences: no earlier sweep of that model and data "
            f"shows it, {FEWEST} seeds of this plan would"
        )
    spread = ahead.earlier.spread
    return (
        f"paired differences spread by {ahead.amount(spread.sd)} in {ahead.earlier.sweep} "
        f"(median of {spread.pairs} pairs of configurations, {spread.seeds} seeds)"
    )


def _seeds_to_see(ahead: Foresight, detect: float) -> str:
    """Return how many seeds show a difference to be seen."""
    by, alpha = ahead.wish.by, ahead.wish.alpha
    goal = f"to see {detect:g}{by.difference_unit}"
    if ahead.earlier is not None:
        sd = ahead.earlier.spread.sd
        levels = ahead.levels.items()
        parts = [f"{_seeds(detect, sd, level)} seeds {what}" for what, level in levels]
        return f"{goal}: {', '.join(parts)}"
    parts = [f"{seeds_needed(1, times, alpha)} if {times * detect:g}" for times in (2.0, 4.0)]
    first = f"{seeds_needed(1, 1, alpha)} seeds if that spread is {detect:g}{by.difference_unit}"
    return f"{goal}: {', '.join([first, *parts])}"


def _seeds(detect: float, sd: float, alpha: float) -> str:
    needed = seeds_needed(detect, sd, alpha)
    return f"over {LARGEST:,}" if needed is None else str(needed)


def _claim(claim: Claim, header: PlanHeader, earlier: Sequence[EarlierSpread]) -> Iterator[str]:
    """Yield how large the difference of a claim must be for it to be confirmed."""
    seal = header.claims
    if seal is None or not earlier or seal.max_seeds < 2:
        return
    level = 2 * float(seal.alpha) / len(seal.claims)
    sd = max(item.spread.sd for item in earlier)
    least = claim.margin + detectable_difference(sd, seal.max_seeds, level)
    said = claim.by.number(least) + claim.by.difference_unit
    yield f"  {claim.text}: confirmed if it is better by {said} ({seal.max_seeds} seeds)"
