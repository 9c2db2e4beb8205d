"""The options of verbs that run a sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from espalier.commands.options.naming_options import naming_options
from espalier.commands.options.option_types import (
    MINUTES,
    MeasuresType,
    baseline,
    best_per,
    in_process,
    make_option,
    new,
    pack,
    parallel,
    results_of_run,
    reuse,
    together,
)
from espalier.commands.options.placement_options import placement_options, take_placement
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS, SWEEP_CONFIGS
from espalier.core.records import PlanHeader
from espalier.core.trial import FINAL, Trial
from espalier.plan.plan import read_plan
from espalier.plan.still_valid import check_still_valid
from espalier.plan.sweep_naming import SweepNaming
from espalier.report.report_request import ReportRequest
from espalier.run.entries import LIBRARY, entry_of
from espalier.run.executor_choice import Placement
from espalier.run.opening.launch_request import LaunchRequest
from espalier.store.results_dir import STORE
from espalier.store.store import Store

entry = click.option(
    "--entry", help="module:function that trains a trial  [default: by CONFIG_TRAINER]"
)
how_to_run = together(
    parallel,
    pack,
    make_option(
        "PRIORITY", "--priority", help="swept symbols, or symbol=value, whose trials start first"
    ),
    make_option(
        "BUDGET_MINUTES",
        "--budget-minutes",
        "minutes",
        type=MINUTES,
        help="minutes in which all trials that begin are to end (0: no matter when)",
    ),
    make_option(
        "RANK_BY", "--rank-by", "by", type=MeasuresType(strict=True), help="measure to rank by"
    ),
    baseline,
    best_per,
    in_process,
    placement_options,
    entry,
)
allow = make_option(
    "ALLOW", "--allow", metavar="HASH", help="let the program run whose hash this begins"
)
run_options = together(results_of_run, how_to_run, new, reuse, allow, naming_options)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The values of `run_options`; where one is None, the plan's settings hold."""

    parallel: int | None
    pack: int | None
    priority: str | None
    minutes: float | None
    by: str | None
    baseline: str | None = None
    best_per: str | None = None
    in_process: bool
    placement: Placement
    entry: str | None
    output: Path | None = None
    new: bool = False
    allow: str | None = None
    reuse: bool | None = None  # None: as long as nothing is to begin anew
    name: str | None = None
    note: str | None = None
    tags: list[str] | None = None

    @classmethod
    def taken(cls, options: dict[str, Any]) -> RunOptions:
        """Return what the options of a command say. Raises UserError for some that clash."""
        placement = take_placement(options)
        return cls(**options, placement=placement)

    def request(self, header: PlanHeader, texts: Sequence[tuple[Trial, str]]) -> LaunchRequest:
        """Return what to run, from a plan's header and its trials with their configs' texts."""
        settings = header.settings
        entry = self.entry or entry_of(settings)
        usual = None if self.new or entry != LIBRARY else True  # code of others is in no revision
        return LaunchRequest(
            header=header,
            trials=texts,
            results=RESULTS,
            output=self.output,
            parallel=int(settings["PARALLEL"]) if self.parallel is None else self.parallel,
            pack=int(settings["PACK"]) if self.pack is None else self.pack,
            priority=self.priority or settings.get("PRIORITY", ""),
            new=self.new,
            entry=entry,
            in_process=self.in_process,
            report=ReportRequest(self.by, self.baseline, self.best_per),
            reuse=usual if self.reuse is None else self.reuse,
            naming=SweepNaming(self.name, self.note, self.tags),
            allow=self.allow or "",
            placement=self.placement,
            minutes=self.minutes,
        )

    def stored(self, folder: Path, again: Collection[int] = ()) -> LaunchRequest:
        """Return what goes on with the sweep in `folder`, or only runs some trials `again`.

        With `new` it is run in a folder of its own, beside that one. Raises UserError.
        """
        with Store.open(folder / STORE, readonly=True) as store:
            header, trials, states = store.header, store.trials(), store.states()
            texts = [(trial, store.config_text(trial.number)) for trial in trials]
        ended = () if self.new else FINAL
        open_trials = [t for t in trials if t.number in again or states[t.number] not in ended]
        check_still_valid(header, open_trials, folder)
        output = None if self.new else folder
        request = replace(self.request(_newer(header), texts), results=folder.absolute().parent)
        reuse = None if again else request.reuse
        return replace(request, output=output, again=again, reuse=reuse)


def _newer(header: PlanHeader) -> PlanHeader:
    """Return the header with settings and claims of `sweep_configs/`, if that is the same plan."""
    with suppress(UserError):
        plan = read_plan(SWEEP_CONFIGS)
        if plan.plan_id == header.plan_id:
            return replace(header, settings=plan.settings, claims=plan.claims)
    return header
