"""What a user wants run: a plan, and how."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from espalier.core.records import PlanHeader
from espalier.core.trial import Trial
from espalier.kconfig.symbols import BUDGET_MINUTES
from espalier.plan.stopping.deciding_measures import ranked_by
from espalier.plan.sweep_naming import UNNAMED, SweepNaming
from espalier.report.report_request import USUAL, ReportRequest
from espalier.run.entries import entry_of
from espalier.run.executor_choice import LOCAL, Placement, Workload
from espalier.run.packing.priority import Priority, SeedsTogether
from espalier.run.run_limits import RunLimits
from espalier.run.status_text import continuing
from espalier.store import sealing


@dataclass(frozen=True)
class LaunchRequest:
    """A sweep to run: its plan's header, its trials with their configs' texts, and how."""

    header: PlanHeader
    trials: Sequence[tuple[Trial, str]]
    results: Path  # the folder of all sweeps
    output: Path | None  # the folder of this one, if it was named
    parallel: int  # workers; 0: one a core or one a GPU
    pack: int  # trials trained as one program, at most; 0: by a probe
    new: bool
    entry: str
    in_process: bool
    report: ReportRequest = USUAL  # of the reports
    priority: str = ""  # which trials start first
    command: str = ""  # what goes on with this sweep once it has stopped, if it is no sweep-run
    reuse: bool | None = None  # take over earlier results; False: train those again that were
    again: Collection[int] = ()  # run only these trials, whatever came of them
    naming: SweepNaming = UNNAMED  # what is given beside the plan's name, note and tags
    widens: bool = False  # the sweep in `output` may be of another plan: a race, whose plan grows
    allow: str = ""  # the hash by which the user allows the programs that trials are
    placement: Placement = LOCAL
    minutes: float | None = None  # in which all is to end, from when this is made
    made: float = field(default_factory=time.monotonic)

    @cached_property
    def limits(self) -> RunLimits:
        """Attempts and time, as the settings have them, and the size of packs."""
        settings = self.header.settings
        attempts, timeout = int(settings["MAX_ATTEMPTS"]), int(settings["TRIAL_TIMEOUT"])
        only, minutes = frozenset(self.again), self.budget
        priority = Priority(self.priority, self.header.axes)
        if minutes and not self.priority:
            priority = SeedsTogether(trial for trial, _ in self.trials)
        until = self.made + 60 * minutes if minutes else math.inf
        return RunLimits(attempts, timeout, self.pack, not self.parallel, priority, only, until)

    @property
    def budget(self) -> float:
        """The minutes in which all is to end; 0: no matter when."""
        usual = float(self.header.settings.get(BUDGET_MINUTES) or 0)
        return usual if self.minutes is None else self.minutes

    @property
    def workload(self) -> Workload:
        """What the executor is to run."""
        trials = [trial for trial, _ in self.trials]
        settings = self.header.settings
        return Workload(self.entry, settings, trials, self.parallel, self.in_process)

    @property
    def plan_id(self) -> str:
        """The hash that identifies the plan."""
        return self.header.plan_id

    def header_in(self, folder: Path) -> PlanHeader:
        """Return the header of the store in `folder`: the plan's, and how to go on."""
        entry = None if self.entry == entry_of(self.header.settings) else self.entry
        header = replace(
            self.naming.over(self.header),
            entry=entry,
            seals=None,
            executor=self.placement.variables or None,
        )
        header = ranked_by(header, self._by)  # workers look for it in what a program reports
        return replace(header, command=self.command or continuing(folder, header))

    @property
    def _by(self) -> str | None:
        return self.header.race.by if self.header.race else self.report.by

    def finished_numbers(self, trials: Iterable[Trial]) -> list[int]:
        """Return the numbers of those of `trials` that have ended in a sweep of the results."""
        folders = [self.output] if self.output else []
        return sealing.ended(self.results, folders, {trial.id: trial.number for trial in trials})
