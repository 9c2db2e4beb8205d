"""The plan of a race: trials of its configurations, seed by seed. It grows as the race goes on.

A trial has the id that a plain sweep would give it, since that is made of its configuration and
its seed. Trials that are there keep their numbers and names; those that come are numbered on.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from espalier.core.records import FIRST_SEEDS, PlanHeader, RaceRecord
from espalier.core.trial import REPETITION, Record, Trial
from espalier.plan.expand import identity

SEED, _ = REPETITION
_LINE = re.compile(rf"^CONFIG_{SEED}=.*$", re.MULTILINE)

ConfigText = tuple[Trial, str]
"""A trial with the text of its `.config`."""


class PlanGrowth(NamedTuple):
    """What a plan grows by: its new header, the trials to add, and those swept otherwise by it."""

    header: PlanHeader
    added: list[ConfigText]
    changed: list[Trial]


def configurations(trials: Iterable[ConfigText]) -> list[ConfigText]:
    """Return the first trial of each configuration, in plan order."""
    firsts: dict[frozenset[tuple[str, str]], ConfigText] = {}
    for trial, text in trials:
        firsts.setdefault(trial.configuration, (trial, text))
    return list(firsts.values())


def listed_seeds(header: PlanHeader, trials: Iterable[Trial]) -> list[str]:
    """Return the seeds of a plan, in the order in which it has them."""
    swept = (axis["values"] for axis in header.axes if axis["symbol"] == SEED)
    used = (trial.config[SEED] for trial in trials)
    return list(dict.fromkeys([*next(swept, []), *used]))


def race_id(plan_id: str) -> str:
    """Return the id of the race of a plan: 12 hex digits, others than those of its plain sweep."""
    return hashlib.sha256(f"race {plan_id}".encode()).hexdigest()[:12]


def begin(header: PlanHeader, trials: Sequence[ConfigText], rules: RaceRecord) -> PlanGrowth:
    """Return the plan of a new race of a plain plan: its configurations with their first seeds."""
    first = replace(header, race=rules, plan_id=race_id(header.plan_id), files="")
    pairs = [(each, seed) for each in configurations(trials) for seed in first_seeds(rules)]
    return grow(first, [], pairs)


def first_seeds(rules: RaceRecord) -> list[str]:
    """Return the seeds of the first round."""
    return rules.order[:FIRST_SEEDS]


def grow(
    header: PlanHeader, trials: Sequence[Trial], pairs: Sequence[tuple[ConfigText, str]]
) -> PlanGrowth:
    """Add a trial for each pair of a configuration and a seed to the `trials` of a plan.

    Pairs that it has already are left out.
    """
    present = {(trial.configuration, trial.config[SEED]) for trial in trials}
    fresh = [
        _with_seed(trial, text, seed)
        for (trial, text), seed in pairs
        if (trial.configuration, seed) not in present
    ]
    return add_trials(header, trials, fresh)


def add_trials(
    header: PlanHeader, trials: Sequence[Trial], fresh: Sequence[ConfigText]
) -> PlanGrowth:
    """Add new trials to the `trials` of a plan, numbered and named on.

    The axes have all values that trials then have.
    """
    first = 1 + max((trial.number for trial in trials), default=0)
    taken = {trial.name for trial in trials}
    added = [
        (replace(trial, number=number, name=_free_name(number, taken)), text)
        for number, (trial, text) in enumerate(fresh, first)
    ]
    every = [*trials, *(trial for trial, _ in added)]
    axes = _axes(header, every)
    counts = {**header.counts, "trials": len(every)}
    grown = replace(header, axes=axes, trials=len(every), counts=counts)
    swept = [_swept(trial, axes) for trial in every]
    changed = [new for new, old in zip(swept, trials, strict=False) if new.swept != old.swept]
    texts = (text for _, text in added)
    return PlanGrowth(grown, list(zip(swept[len(trials) :], texts, strict=True)), changed)


def _free_name(number: int, taken: Collection[str]) -> str:
    """Return `config_007`, or with a `_2` and the like where a user's file has that name."""
    usual = f"config_{number:03}"
    return next(
        name
        for name in itertools.chain([usual], (f"{usual}_{n}" for n in itertools.count(2)))
        if name not in taken
    )


def join(
    header: PlanHeader, trials: Sequence[Trial], wider: PlanHeader, more: Sequence[ConfigText]
) -> PlanGrowth:
    """Let the plan of a race have all configurations of another one too, with their first seeds.

    What each of the two keeps fixed at a value of its own is an axis of both. A race keeps the
    order of its seeds; seeds of a plain sweep follow those of the wider plan.
    """
    if wider.race is None:
        raise ValueError("the wider plan is that of no race")
    rules = replace(wider.race, seeds=_seeds(header, trials, wider.race))
    axes: dict[str, list[str]] = {name: [] for name in _fixed_apart(trials, [t for t, _ in more])}
    for axis in [*header.axes, *wider.axes]:
        values = axes.setdefault(axis["symbol"], [])
        values += [value for value in axis["values"] if value not in values]
    merged = [{"symbol": name, "values": values} for name, values in axes.items()]
    joined = replace(wider, axes=merged, race=rules, files="")
    joined = replace(joined, packs=header.packs, seals=header.seals)
    pairs = [(each, seed) for each in configurations(more) for seed in first_seeds(rules)]
    return grow(joined, trials, pairs)


def _seeds(header: PlanHeader, trials: Sequence[Trial], wider: RaceRecord) -> list[str]:
    if header.race is not None:
        return header.race.seeds
    return list(dict.fromkeys([*wider.seeds, *listed_seeds(header, trials)]))


def _fixed_apart(trials: Sequence[Trial], others: Sequence[Trial]) -> list[str]:
    """Return the symbols that each of two groups of trials has one value of, and not the same."""
    own, theirs = _constant(trials), _constant(others)
    common = [name for name in own if name in theirs and name not in REPETITION]
    return [name for name in common if own[name] != theirs[name]]


def _constant(trials: Sequence[Trial]) -> Mapping[str, str]:
    configs = [trial.config for trial in trials]
    return {
        name: text
        for name, text in configs[0].items()
        if all(config.get(name) == text for config in configs)
    }


def _with_seed(trial: Trial, text: str, seed: str) -> ConfigText:
    """Return the trial of the same configuration that has this seed, without a number."""
    config = {**trial.config, SEED: seed}
    moved = replace(trial, id=identity(config), config=config)
    return moved, _LINE.sub(f"CONFIG_{SEED}={seed}", text)


def _axes(header: PlanHeader, trials: Sequence[Trial]) -> list[Record]:
    """Return the axes with all values that trials have; of seeds, with no others."""
    values = {str(axis["symbol"]): list(axis["values"]) for axis in header.axes} | {SEED: []}
    for name, every in values.items():
        used = dict.fromkeys(trial.config[name] for trial in trials if name in trial.config)
        every += [value for value in used if value not in every]
    return [{"symbol": name, "values": every} for name, every in values.items()]


def _swept(trial: Trial, axes: Sequence[Record]) -> Trial:
    names = [axis["symbol"] for axis in axes if len(axis["values"]) > 1]
    return replace(trial, swept={n: trial.config[n] for n in names if n in trial.config})
