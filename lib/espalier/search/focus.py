"""A sweep around one configuration of another: its choices kept, its numbers varied nearby.

Half-way to the values next to it that were tried, or within a factor. The seeds are the same, so
that the two sweeps can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.analysis.rank import Configuration, Ranking, rank
from espalier.core import disk_full
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.trial import REPETITION, Trial
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.values import canonical
from espalier.plan import planning
from espalier.plan.plan import Plan
from espalier.report.reports import ranking_measure, trial_results
from espalier.store.results_dir import STORE
from espalier.store.store import Store

BEST = "best"
RANGE = "focus-range"
NUMBERS = ("int", "float")
DIGITS = 3  # of a number that nobody chose
ITS_OWN = ("SAMPLER", "PRIORITY")
"""Beginnings of settings that speak of what the first sweep varied."""

Axes = dict[str, list[str]]


def plan_around(
    folder: Path, around: str, by: str | None, region: float | None
) -> tuple[Plan, str]:
    """Write focus-range into the folder of a sweep; returns its plan, and what it is around.

    `around` is as for `choose_centre`; `region` is a factor above 1. Raises UserError.
    """
    symbols = Symbols(tree.parse())
    with Store.open(folder / STORE, readonly=True) as store:
        trials, by = trial_results(store), ranking_measure(store, by)
        settings = {n: text for n, text in store.header.settings.items() if n in symbols}
    ranking = rank(trials, by)
    centre = choose_centre(ranking, around)
    axes = nearby_values(symbols, centre.first, tried_values(ranking), region)
    if not any(len(values) > 1 for values in axes.values()):
        raise UserError(f"{folder}: sweeps no number, so there is nothing near to try")
    heading = f"Around {centre.first.name} of {folder.name}, {around} by {by}"
    with disk_full.reported(folder):
        atomic_write(folder / RANGE, range_file(centre, axes, settings, [heading]))
    return planning.plan_from_files([folder / RANGE]), heading


def choose_centre(ranking: Ranking, around: str) -> Configuration:
    """Return the configuration meant: `best`, a place in the ranking, or the name of a trial.

    Raises UserError if there is none.
    """
    if not ranking.ranked:
        raise UserError("no trial has passed, so there is nothing to focus on")
    if around == BEST:
        return ranking.ranked[0]
    if around.isdecimal() and 0 < int(around) <= len(ranking.ranked):
        return ranking.ranked[int(around) - 1]
    for item in ranking.ranked:
        if around in [result.trial.name for result in item.results]:
            return item
    rule = f"must be {BEST}, a place from 1 to {len(ranking.ranked)}, or a trial that passed"
    raise UserError(f"AROUND={around}: {rule}")


def tried_values(ranking: Ranking) -> Axes:
    """Return the values that each swept symbol has in ranked or unranked trials, but for seeds."""
    values_of: dict[str, dict[str, None]] = {}
    for item in (*ranking.ranked, *ranking.unranked):
        for name, text in item.first.swept.items():
            if name not in REPETITION:
                values_of.setdefault(name, {})[text] = None
    return {name: list(values) for name, values in values_of.items()}


def nearby_values(symbols: Symbols, centre: Trial, axes: Axes, region: float | None) -> Axes:
    """Return the values to try of each numeric symbol of `axes`, that of `centre` among them.

    With a `region` (above 1) from the value over it to the value times it. What Kconfig does not
    take is left out.
    """
    symbols.kconf.unset_values()
    for _ in range(2):  # a later value may be what makes an earlier one visible
        assign.load(symbols, centre.config)
    near: Axes = {}
    for name, values in axes.items():
        if name in centre.config and symbols.kind(name) in NUMBERS:
            near[name] = _taken(symbols, name, _around(centre.config[name], values, region))
    return near


def _around(text: str, values: Sequence[str], region: float | None) -> list[float]:
    """Return three values: a lower one, the one in the middle as it is, and a higher one."""
    middle = float(text)
    if region is not None:
        return [middle / region, middle, middle * region]
    others = sorted({float(value) for value in values} - {middle})
    below = [value for value in others if value < middle]
    above = [value for value in others if value > middle]
    low = below[-1] if below else None
    high = above[0] if above else None
    return [_half(middle, low, high), middle, _half(middle, high, low)]


def _half(middle: float, other: float | None, opposite: float | None) -> float:
    """Return the value half-way to `other`; without one as far as to `opposite`, away from it.

    Half-way as factors, where all are above 0.
    """
    if other is None:
        back = _half(middle, opposite, None) if opposite is not None else middle
        return middle * (middle / back) if min(middle, back) > 0 else 2 * middle - back
    return math.sqrt(middle * other) if min(middle, other) > 0 else (middle + other) / 2


def _taken(symbols: Symbols, name: str, values: Sequence[float]) -> list[str]:
    kind, bounds = symbols.kind(name), symbols.float_range(name)
    own = assign.effective(symbols, name)
    texts = []
    for value in values:
        text = str(round(value)) if kind == "int" else f"{value:.{DIGITS}g}"
        text = own if value == float(own) else canonical(kind, text)
        assign.put(symbols, name, text)
        within = bounds is None or float(text) in bounds
        if within and assign.effective(symbols, name) == text:
            texts.append(text)
    assign.put(symbols, name, own)
    return list(dict.fromkeys(texts))


def range_file(
    centre: Configuration, axes: Axes, settings: Mapping[str, str], heading: Sequence[str]
) -> str:
    """Return the text of a range file: the configuration, with `axes` and its seeds varied."""
    trials = [item.trial for item in centre.results]
    seeds = {name: _distinct(trials, name) for name in REPETITION if name in centre.first.config}
    many = {**axes, **seeds}
    fixed = {name: [text] for name, text in centre.first.config.items() if name not in many}
    outside = {n: [text] for n, text in settings.items() if not n.startswith(ITS_OWN)}
    lines = [f"# {line}" for line in heading]
    for title, part in (("Varied", many), ("As it was", fixed), ("Not of a trial", outside)):
        lines += ["", f"# {title}"]
        lines += [f"CONFIG_{name}={_quoted(values)}" for name, values in part.items()]
    return "\n".join(lines) + "\n"


def _distinct(trials: Sequence[Trial], name: str) -> list[str]:
    return list(dict.fromkeys(trial.config[name] for trial in trials))


def _quoted(values: Sequence[str]) -> str:
    """Return values as a range file has them; text that is more than a word, or none, in quotes."""
    plain = all(text and all(c.isalnum() or c in "._-+" for c in text) for text in values)
    escaped = "|".join(text.replace("\\", "\\\\").replace('"', '\\"') for text in values)
    return escaped if plain else f'"{escaped}"'
