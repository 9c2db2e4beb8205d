"""`race`: train configurations seed by seed until it is known which is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from espalier.analysis.confidence import ALPHA
from espalier.analysis.equivalence import MARGIN
from espalier.commands.options.option_types import (
    LEAST_ALPHA,
    MARGINS,
    PATH,
    Checked,
    make_option,
    number_between,
    take_fields,
    together,
)
from espalier.commands.options.range_options import SizeOptions, read_plan, size_options
from espalier.commands.options.run_options import RunOptions, run_options
from espalier.core import measures
from espalier.core.errors import UserError
from espalier.core.records import LONGEST_RACE, PlanHeader, RaceRecord
from espalier.plan import plan
from espalier.plan.race_plan import ConfigText, begin, listed_seeds
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.run import launch
from espalier.run.launch import LaunchRequest
from espalier.run.races import race_entry
from espalier.store.results_dir import STORE
from espalier.store.store import Store

SEEDS = 40
"""The most of a configuration, where nothing else is given."""

_CHANGED = "an error rate holds where it is chosen before the first result"

race_options = together(
    make_option(
        "ALPHA",
        "--alpha",
        type=number_between(LEAST_ALPHA, 1),
        help=f"chance to call a best configuration behind  [default: {ALPHA}]",
    ),
    make_option(
        "MARGIN",
        "--margin",
        type=MARGINS,
        help=f"what counts as equal, in the measure's unit  [default: {MARGIN:g}]",
    ),
    make_option(
        "MAX_SEEDS",
        "--max-seeds",
        type=Checked(click.IntRange(2, LONGEST_RACE), f"an integer from 2 to {LONGEST_RACE}"),
        help=f"seeds of a configuration at most  [default: {SEEDS}]",
    ),
)


@dataclass(frozen=True)
class RuleOptions:
    """The values of `race_options`; where one is None, that of the race before holds."""

    alpha: float | None
    margin: float | None
    max_seeds: int | None

    def rules(self, by: str, seeds: list[str], before: RaceRecord | None) -> RaceRecord:
        """Return the rules of the race, with what it had `before` where nothing else is given."""
        usual = before or RaceRecord(alpha=ALPHA, margin=MARGIN, max_seeds=SEEDS, by=by)
        given = {name: value for name, value in vars(self).items() if value is not None}
        rules = replace(usual, **given, by=by, seeds=usual.seeds or seeds)
        if before:
            _note_changes(before, rules)
        return rules


def _note_changes(before: RaceRecord, rules: RaceRecord) -> None:
    """Say which rules that decide a race are no longer those that it had `before`."""
    for name in ("alpha", "margin", "by"):
        old, new = getattr(before, name), getattr(rules, name)
        if old != new:
            print(f"note: {name} was {old} until now; {_CHANGED}")


@click.command()
@click.argument("files", nargs=-1, metavar="[RANGE_CONFIG...]", help="range files, merged")
@race_options
@make_option(
    "DIR", "--dir", "folder", type=PATH, help="race on with this sweep, and what the files add"
)
@size_options
@run_options
def command(files: Sequence[str], folder: Path | None, **options: Any) -> int:
    """Train configurations seed by seed until it is known which is best.

    Each configuration that is still in gets the same next seeds. It leaves when another one is
    better, at an error rate that holds whenever one looks; the race ends when one is left, when all
    that are left lie within the margin, or at the largest number of seeds. The exit code is 0 if
    every trial passed, 1 if some did not, and 130 after a signal.
    """
    given = take_fields(RuleOptions, options)
    sizes = take_fields(SizeOptions, options)
    chosen = RunOptions.taken(options)
    planned = _planned(read_plan(files, sizes)[0]) if files else None
    if folder is not None:
        return launch.run(_going_on(chosen, given, planned, folder))
    if planned is None:
        rule = "names no range file; give RANGE_CONFIG=<file>, or DIR=<folder> of a sweep"
        raise UserError(f"race: {rule}")
    return launch.run(_fresh(chosen, given, planned, " ".join(files)))


Planned = tuple[PlanHeader, Sequence[ConfigText]]


def _planned(made: plan.Plan) -> Planned:
    if SamplerRecord.of(made.design):
        rule = "proposes by results, and a race trains what is planned; run the sweep, then race"
        raise UserError(f"SAMPLER={made.design['sampler']}: {rule} with DIR=<its folder>")
    written, texts = plan.render(made)
    return written.header(), texts


def _fresh(chosen: RunOptions, given: RuleOptions, planned: Planned, where: str) -> LaunchRequest:
    """Return the race of a range file, or what goes on with the one that there is."""
    header, texts = planned
    trials = [trial for trial, _ in texts]
    race_entry.check(trials, where)
    usual = given.rules(_measure(chosen, header, None), listed_seeds(header, trials), None)
    request = _request(chosen, planned, usual)
    folder = launch.existing(request)
    if folder is None:
        return request
    with Store.open(folder / STORE, readonly=True) as store:
        before = store.header.race
    rules = given.rules(_measure(chosen, header, before), usual.seeds, before)
    return replace(_request(chosen, planned, rules), output=folder, widens=True)


def _request(chosen: RunOptions, planned: Planned, rules: RaceRecord) -> LaunchRequest:
    growth = begin(*planned, rules)
    return chosen.request(growth.header, growth.added)


def _going_on(
    chosen: RunOptions, given: RuleOptions, planned: Planned | None, folder: Path
) -> LaunchRequest:
    """Return what races on with the trials of a folder, and those of a plan beside them."""
    for name, value in (("--output-dir", chosen.output), ("--new", chosen.new or None)):
        if value is not None:
            raise UserError(f"{name}: --dir {folder} says where to go on; leave it out")
    stored = chosen.stored(folder)
    header, texts = planned or (stored.header, stored.trials)
    trials = [trial for trial, _ in [*stored.trials, *texts]]
    race_entry.check(trials, str(folder))
    before = stored.header.race
    seeds = listed_seeds(header, [trial for trial, _ in texts])
    rules = given.rules(_measure(chosen, header, before), seeds, before)
    if planned or before is None:
        header = begin(header, texts, rules).header
    request = replace(chosen.request(header, texts), results=stored.results)
    return replace(request, header=replace(header, race=rules), output=folder, widens=True)


def _measure(chosen: RunOptions, header: PlanHeader, before: RaceRecord | None) -> str:
    usual = before.by if before else header.settings["RANK_BY"]
    return measures.measures_of(chosen.by or usual)[0].spelled
