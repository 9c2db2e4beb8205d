"""A sweep around one configuration of another: its choices kept, its numbers varied nearby.

Half-way to the values next to it that were tried, or within a factor. The seeds are the same, so
that the two sweeps can be compared. Numbers that say what the task is are held, since near the best
they only make it easier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier.analysis.rank import Configuration, Ranking, rank, sampling
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.process import disk_full
from espalier.core.trees.needed_trees import check_trees
from espalier.core.trial import REPETITION, Trial
from espalier.kconfig import assign, tree
from espalier.kconfig.range_file import quote
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.values import canonical
from espalier.plan import planning
from espalier.plan.plan import Plan
from espalier.report.reports import ranking_measure, trial_results
from espalier.scripts import script_knobs
from espalier.scripts.script_identity import DIGEST
from espalier.store.results_dir import STORE
from espalier.store.store import Store

BEST = "best"
RANGE = "focus-range"
NUMBERS = ("int", "float")
DIGITS = 3  # of a number that was computed
TASK = ("TARGET_SPARSITY", "SPARSE_DENSITY", "MAX_PARAMS")
"""What a network has to be, however it is trained: pruned less it would nearly always be better."""
DATA = ("VALIDATION_FRACTION", "TRAIN_SUBSET")
"""Of what data it is trained and measured on, beside the options of the data set."""
NOTHING = "none"
ITS_OWN = ("SAMPLER", "PRIORITY", DIGEST)
"""Beginnings of settings that speak of what the first sweep varied, or held."""

Axes = dict[str, list[str]]


def plan_around(
    folder: Path, around: str, by: str | None, region: float | None, hold: str | None = None
) -> tuple[Plan, list[str]]:
    """Write focus-range into the folder of a sweep; returns its plan, and what it is around.

    `around` is as for `choose_centre`, `hold` as for `held_numbers`; `region` is a factor above 1.
    Raises UserError.
    """
    with Store.open(folder / STORE, readonly=True) as store:
        check_trees(store.header.trees, str(folder))
        script_knobs.use_of_settings(store.header.settings)
        symbols = Symbols(tree.parse())
        trials = trial_results(store)
        by = ranking_measure(store, trials, by)
        settings = {n: text for n, text in store.header.settings.items() if n in symbols}
    assign.load(symbols, settings)  # what trains trials says which symbols they have
    ranking = rank(trials, by)
    centre = choose_centre(ranking, around)
    tried = _numbers(symbols, centre.first, tried_values(ranking))
    held = held_numbers(centre.first, tried, hold)
    free = {name: values for name, values in tried.items() if name not in held}
    axes = nearby_values(symbols, centre.first, free, region)
    if not any(len(values) > 1 for values in axes.values()):
        but = f" but {', '.join(held)}, held; HOLD={NOTHING} lets the task vary" if held else ""
        raise UserError(f"{folder}: nothing near to try, since it sweeps no number{but}")
    heading = [f"Around {centre.first.name} of {folder.name}, {around} by {by}"]
    heading += [_held(name, tried[name], centre, ranking) for name in held]
    with disk_full.reported(folder):
        atomic_write(folder / RANGE, range_file(centre, axes, settings, heading))
    return planning.plan_from_files([folder / RANGE]), heading


def choose_centre(ranking: Ranking, around: str) -> Configuration:
    """Return the configuration meant: `best`, a place in the ranking, or the name of a trial.

    Raises UserError if there is none.
    """
    if not ranking.ranked:
        rule = f"no trial has passed with a finite {ranking.measure.label}"
        raise UserError(f"{rule}, so there is nothing to focus on")
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
    for item in ranking.configurations:
        for name, text in item.first.swept.items():
            if name not in REPETITION:
                values_of.setdefault(name, {})[text] = None
    return {name: list(values) for name, values in values_of.items()}


def held_numbers(centre: Trial, tried: Axes, hold: str | None = None) -> list[str]:
    """Return the symbols of `tried` that keep the value of the centre.

    Those of the task and its data, and those that `hold` names, separated by commas; with `none`
    among these, only the others. Raises UserError for one that was not swept.
    """
    named = [part.strip().removeprefix("CONFIG_") for part in (hold or "").split(",")]
    named = [name for name in named if name]
    if wrong := [name for name in named if name not in tried and name != NOTHING]:
        rule = (
            f"must be {NOTHING} or numbers that were swept: {', '.join(tried) or 'there are none'}"
        )
        raise UserError(f"HOLD={wrong[0]}: {rule}")
    fixed = set() if NOTHING in named else _task(centre)
    return [name for name in tried if name in fixed or name in named]


def _held(name: str, tried: Sequence[str], centre: Configuration, ranking: Ranking) -> str:
    """Return at what a symbol is held, and the best trial for each other value."""
    own = centre.first.config[name]
    best: dict[str, str] = {}
    for item in ranking.ranked:
        best.setdefault(item.first.config.get(name, ""), item.first.name)
    others = [f"{text} ({best[text]})" for text in tried if text != own and text in best]
    also = f"; AROUND takes the best at {', '.join(others)}" if others else ""
    free = f"; HOLD={NOTHING} lets it vary" if name in _task(centre.first) else ""
    return f"Held: CONFIG_{name}={own}{free}{also}"


def _task(centre: Trial) -> set[str]:
    """Return the symbols that say what the task is, and of which data."""
    return {*TASK, *sampling(centre, *DATA)}


def _numbers(symbols: Symbols, centre: Trial, axes: Axes) -> Axes:
    """Return those of `axes` that are numbers of the centre."""
    return {n: v for n, v in axes.items() if n in centre.config and symbols.kind(n) in NUMBERS}


def nearby_values(symbols: Symbols, centre: Trial, axes: Axes, region: float | None) -> Axes:
    """Return the values to try of each numeric symbol of `axes`, that of `centre` among them.

    With a `region` (above 1) from the value over it to the value times it. What Kconfig does not
    take is left out.
    """
    for _ in range(2):  # a later value may be what makes an earlier one visible
        assign.load(symbols, centre.config)
    return {
        name: _taken(symbols, name, _around(centre.config[name], values, region))
        for name, values in _numbers(symbols, centre, axes).items()
    }


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
    return range_text([item.trial for item in centre.results], axes, settings, heading)


def range_text(
    trials: Sequence[Trial], axes: Axes, settings: Mapping[str, str], heading: Sequence[str]
) -> str:
    """Return the text of a range file from the trials of one configuration, a seed each."""
    first = trials[0].config
    seeds = {name: _distinct(trials, name) for name in REPETITION if name in first}
    many = {**axes, **seeds}
    fixed = {name: [text] for name, text in first.items() if name not in many}
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
    return "|".join(values if plain else map(quote, values))
