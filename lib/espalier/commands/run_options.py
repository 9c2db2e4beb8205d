"""The options of verbs that run a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from espalier.commands.option_types import (
    in_process,
    make_option,
    new,
    one_of,
    pack,
    parallel,
    results_of_run,
    together,
)
from espalier.core.measures import MEASURES
from espalier.core.paths import RESULTS
from espalier.core.trial import Trial
from espalier.plan.plan import Plan
from espalier.run.launch import ENTRY, LaunchRequest

entry = click.option("--entry", default=ENTRY, help="function that trains a trial")
run_options = together(
    results_of_run,
    parallel,
    pack,
    make_option(
        "PRIORITY", "--priority", help="swept symbols, or symbol=value, whose trials start first"
    ),
    new,
    make_option("RANK_BY", "--rank-by", "by", type=one_of([*MEASURES]), help="measure to rank by"),
    in_process,
    entry,
)


@dataclass(frozen=True)
class RunOptions:
    """The values of `run_options`; where one is None, the plan's settings hold."""

    output: Path | None
    parallel: int | None
    pack: int | None
    priority: str | None
    new: bool
    by: str | None
    in_process: bool
    entry: str

    def request(
        self, plan: Plan, texts: Sequence[tuple[Trial, str]], command: str
    ) -> LaunchRequest:
        """Return what to run; `command` is what a user runs to continue it after it has stopped."""
        settings = plan.settings
        return LaunchRequest(
            header=plan.header(),
            trials=texts,
            results=RESULTS,
            output=self.output,
            parallel=int(settings["PARALLEL"]) if self.parallel is None else self.parallel,
            pack=int(settings["PACK"]) if self.pack is None else self.pack,
            priority=self.priority or settings.get("PRIORITY", ""),
            new=self.new,
            entry=self.entry,
            in_process=self.in_process,
            by=self.by,
            command=command,
        )
