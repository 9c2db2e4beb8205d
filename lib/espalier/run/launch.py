"""Starting and continuing a sweep: its folder, its executor, and what is printed at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from espalier.analysis.claims.claim_text import check_claims
from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.process import os_errors, standard_streams, stop_signals
from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.core.records import ClaimSeal, PlanHeader
from espalier.core.trial import Status, Trial
from espalier.kconfig.symbols import BUDGET_MINUTES, RANK_BY
from espalier.plan.outside_files import script_plan
from espalier.plan.samplers.model_based import proposal_plan
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.plan.stopping.stop_rules import check_stop
from espalier.plan.sweep_naming import UNNAMED, SweepNaming
from espalier.report import reports
from espalier.report.reports import USUAL, ReportRequest, write_page
from espalier.run import closing, executor_choice, retrial, reuse
from espalier.run.displays.earlier_failures import earlier_failures
from espalier.run.displays.page_display import PageDisplay
from espalier.run.displays.terminal_display import display
from espalier.run.entries import check_installed, entry_of
from espalier.run.executor_choice import LOCAL, Placement, Site, Workload
from espalier.run.packing.priority import Priority, SeedsTogether
from espalier.run.pending import pending
from espalier.run.pool import Executor
from espalier.run.races import race_entry
from espalier.run.run_limits import RunLimits
from espalier.run.runner import Runner
from espalier.run.status_text import continuing
from espalier.run.supplies import supply_choice
from espalier.run.supplies.plan_growth import may_grow
from espalier.run.supplies.supply import NO_SUPPLY, Supply
from espalier.scripts.script_identity import code_of
from espalier.store import locks, results_dir, sealing, sweep_finder, trial_folders
from espalier.store.busy import StoreBusyError
from espalier.store.results_dir import STORE, SweepDir, new_sweep_path
from espalier.store.store import Store

_FINISHED = "finished already; NEW=1 (--new) runs this plan again"
_NOTHING = "nothing is left to train"


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
        header = replace(self.naming.over(self.header), entry=entry, seals=None)
        if by := self._ranked_by:  # workers look for it in what a program reports
            header = replace(header, settings={**header.settings, RANK_BY: by})
        command = self.command or f"{continuing(folder, header)}{self.placement.words}"
        return replace(header, command=command)

    @property
    def _ranked_by(self) -> str | None:
        return self.header.race.by if self.header.race else self.report.by

    def known(self, trials: Iterable[Trial]) -> list[int]:
        """Return the numbers of those of `trials` that have ended in a sweep of the results."""
        folders = [self.output] if self.output else []
        return sealing.ended(self.results, folders, {trial.id: trial.number for trial in trials})


def run(request: LaunchRequest) -> int:
    """Run the sweep to its end, or as far as it gets; return the exit code.

    0: every trial passed; 1: some did not; 75: the budget of minutes was over before all had ended;
    130: stopped by a signal. Whatever becomes of what is printed, the trials run.
    """
    trials = [trial for trial, _ in request.trials]
    request.report.check(trials)
    check_claims(request.header.claims, trials)
    check_stop(request.header, trials)
    supply_choice.check_supply(request.header_in(request.results))
    script_plan.check_allowed(trials, request.header.settings, request.allow)
    with stop_signals.noting(), standard_streams.tolerant(stop_signals.requested):
        check_installed(request.entry)
        with (
            executor_choice.opened(request.placement, request.workload) as site,
            _sweep(request) as (sweep, begun),  # after what may be refused
            _steady(sweep.folder),
        ):
            sweep.store.patience.stopping = stop_signals.requested
            try:
                code = _run(request, sweep, begun, site)
            except StoreBusyError as error:
                if not stop_signals.requested():
                    raise
                command = sweep.store.header.command
                print(f"stopped: {error}; `{command}` records what has ended and goes on")
        return EXIT_INTERRUPTED if stop_signals.requested() else code


def _run(request: LaunchRequest, sweep: SweepDir, begun: str, site: Site) -> int:
    """Take over what earlier sweeps have, train what is pending, and report on all."""
    limits = request.limits
    if not stop_signals.requested():
        with suppress(KeyboardInterrupt):  # the second request: what was done is reported
            _work(request, sweep, begun, site)
    with stop_signals.patience(2):
        left = limits.chosen(pending(sweep.store, limits.attempts))
        stopped = stop_signals.requested() or limits.until < math.inf
        if left or (stopped and _undecided(sweep, request)):
            return closing.report_stop(sweep, len(left), request.report, request.budget)
        return closing.report_end(sweep, limits, request.report)


def _work(request: LaunchRequest, sweep: SweepDir, begun: str, site: Site) -> None:
    """Get a result for every pending trial: from an earlier sweep, or by training it."""
    retrial.set_aside_earlier(sweep)
    taken, workers = _take_over(sweep, request, site)
    todo = request.limits.chosen(pending(sweep.store, request.limits.attempts))
    for line in [*taken, *_other_code(sweep.store)]:
        print(line, flush=True)
    grows = _undecided(sweep, request)
    if not todo and not grows:
        print(f"{sweep.folder}: {_NOTHING if taken else _FINISHED}")
        return
    total = len(sweep.store.states())
    executor = workers or site.start(total if grows else len(todo), sweep.folder)
    print(f"{sweep.folder}: {begun}, {len(todo)} of {total} trials", end=", ")
    print(site.describe(executor), flush=True)
    reports.prepare()  # while the workers start
    supply = NO_SUPPLY if request.again else _supply(sweep, request)
    shown = display(earlier_failures(sweep.store))
    view = PageDisplay(shown, lambda: write_page(sweep.folder, request.report), total)
    Runner(sweep, executor, request.limits, view, supply).run()


def _undecided(sweep: SweepDir, request: LaunchRequest) -> bool:
    """Return whether the plan of a sweep may grow."""
    unfinished = pending(sweep.store, request.limits.attempts)
    return not request.again and may_grow(sweep.store, unfinished)


def _supply(sweep: SweepDir, request: LaunchRequest) -> Supply:
    unfinished = pending(sweep.store, request.limits.attempts)
    earlier = request.results if _takes_over(sweep, request) else None
    return supply_choice.open_supply(sweep, unfinished, earlier)


def preview(request: LaunchRequest) -> int:
    """Print what `run` would do, and do nothing."""
    folder = existing(request)
    todo, what = {trial.number for trial, _ in request.trials}, "would run"
    if folder is not None:
        with Store.open(folder / STORE, readonly=True) as store:
            todo = set(pending(store, request.limits.attempts))
        what = f"would go on with {folder}:"
    print(f"{what} {len(todo)} of {len(request.trials)} trials")
    for trial, _ in request.trials:
        if trial.number in todo:
            print(trial.name, *(f"CONFIG_{name}={value}" for name, value in trial.swept.items()))
    trials = [trial for trial, _ in request.trials] if request.reuse and folder is None else []
    if earlier := reuse.find(request.results, trials, request.header_in(request.results)):
        print(f"earlier sweeps have {len(earlier)} of them, to be taken over if data are the same")
    return 0


@contextmanager
def _sweep(request: LaunchRequest) -> Iterator[tuple[SweepDir, str]]:
    """Open the sweep to run, with its lock held; say whether it is new or goes on."""
    with ExitStack() as stack:
        with locks.choosing(request.output or request.results):
            folder, begun = existing(request), "going on"
            new = folder is None
            if new:
                stop_signals.check()
            folder = folder or _new_path(request)
            stack.enter_context(locks.locked(folder))
            if new:
                begun = "new sweep"
                _create(folder, request)
        sweep = SweepDir(folder)
        stack.callback(sweep.close)
        trial_folders.place_drafts(sweep)
        sweep.take_over()
        again = _refresh(sweep, request)
        sweep.write_plan()
        yield sweep, again or begun


def _new_path(request: LaunchRequest) -> Path:
    """Return the folder of a new sweep, which is not there yet unless it was named."""
    if request.output is None:
        results_dir.remove_unfinished(request.results)
    name = request.header_in(request.results).name
    folder = request.output or new_sweep_path(request.results, name)
    results_dir.check_path(folder)
    return folder


def _create(folder: Path, request: LaunchRequest) -> None:
    header, trials = request.header_in(folder), [trial for trial, _ in request.trials]
    seals = _sealed((), header, request, trials)
    for line in results_dir.create(folder, replace(header, seals=seals), request.trials):
        print(line)


def _sealed(
    before: Sequence[ClaimSeal], header: PlanHeader, request: LaunchRequest, trials: Sequence[Trial]
) -> list[ClaimSeal] | None:
    """Return the seals of a store that has the header's claims from now on; say a new one."""
    seals = sealing.renewed(before, header.claims, lambda: request.known(trials))
    for seal in (seals or [])[len(before) :]:
        print(sealing.describe_seal(seal, len(trials)))
    return seals


def _take_over(
    sweep: SweepDir, request: LaunchRequest, site: Site
) -> tuple[list[str], Executor | None]:
    """Take over what earlier sweeps of the results folder have.

    Return a line on it, if there is any, and the workers that were started if they can go on.
    """
    if not _takes_over(sweep, request):
        return [], None
    todo = len(pending(sweep.store, request.limits.attempts))
    start = partial(site.start, folder=sweep.folder)
    line, workers = reuse.take_over(sweep, request.results, todo, start)
    again = "new=True" if request.command else "REUSE=0"  # a search has an argument for it
    return [f"{line}; {again} trains them again"] if line else [], workers


def _takes_over(sweep: SweepDir, request: LaunchRequest) -> bool:
    return bool(request.reuse) and sweep.folder.parent.resolve() == request.results.resolve()


@contextmanager
def _steady(folder: Path) -> Iterator[None]:
    """Report a results folder that is deleted or locked away under a running sweep as one line."""
    try:
        yield
    except OSError as error:
        what = f"{os_errors.place(error, folder)}: {os_errors.describe(error)}"
        if not folder.is_dir():
            what = f"{folder}: gone; was it deleted while the sweep ran?"
        raise UserError(what) from error


def _refresh(sweep: SweepDir, request: LaunchRequest) -> str:
    """Take over the request's settings, and retry what they or the user ask for.

    Errors are retried if only they are left.
    """
    store, header = sweep.store, request.header_in(sweep.folder)
    if store.attempts():  # an entry that started no worker binds nobody
        _check_entry(sweep.folder, store.header, header)
    seals = _sealed(store.header.seals or (), header, request, store.trials())
    header = replace(header, seals=seals)
    _note_plan_name(sweep.folder, store.header.name, request.header.name)
    if header.race is not None:
        header = race_entry.enter(sweep, header, request.trials)
    elif SamplerRecord.of(header.design):
        header = proposal_plan.go_on(store.header, header)
    with store.writing():
        store.set_header(replace(header, packs=store.header.packs))
        store.set_naming(request.naming)
        store.run_again(_rerun(store, request))
        if request.again:
            return "running again"
        if pending(store, request.limits.attempts) or Status.ERROR not in store.counts():
            return ""
        store.next_round()
        return "trying errors again"


def _note_plan_name(folder: Path, name: str | None, planned: str | None) -> None:
    """Say that the plan has a name, and the sweep to go on with another one, or none."""
    if planned is not None and planned != name:
        print(f"note: {folder} keeps its name; a sweep named {planned} begins with NEW=1")


def _rerun(store: Store, request: LaunchRequest) -> set[int]:
    """Return the trials to run again although they have ended."""
    if request.again:
        return {*request.again}
    taken = reuse.taken_over(store) if request.reuse is False else []
    return {*retrial.refused_before(store, request.header.settings), *taken}


def _check_entry(folder: Path, before: PlanHeader, now: PlanHeader) -> None:
    """Raise UserError if other code trained the trials of a sweep so far."""
    if before.entry != now.entry:
        raise UserError(
            f"{folder}: was begun with --entry {before.entry or entry_of(before.settings)}, "
            f"not {now.entry or entry_of(now.settings)}; "
            "give that one to go on, or begin another sweep with NEW=1"
        )


def existing(request: LaunchRequest) -> Path | None:
    """Return the folder of the sweep to go on with: the newest of this plan, or the one named."""
    if request.output is not None:
        return _named(request.output, request)
    if request.new:
        return None
    ids = {trial.id for trial, _ in request.trials}
    return sweep_finder.latest_of(request.results, request.plan_id, ids, request.naming.name)


def _named(folder: Path, request: LaunchRequest) -> Path | None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output-dir {folder}: must be a folder; name another")
    if lost := results_dir.without_store(folder):
        raise lost
    if not (folder / STORE).exists():
        return None
    if request.new or not (request.widens or _header_of(folder).plan_id == request.plan_id):
        rule = "holds results already" if request.new else "holds the results of another plan"
        raise UserError(f"--output-dir {folder}: {rule}; name another folder")
    sweep_finder.check_called(folder, _header_of(folder).name, request.naming.name)
    return folder


def _header_of(folder: Path) -> PlanHeader:
    with Store.open(folder / STORE, readonly=True) as store:
        return store.header


def _other_code(store: Store) -> Iterator[str]:
    """Yield a line if results that count were made by other code than would run now."""
    now = code_of(store.header.settings)
    passed = [result for _, result, _ in store.final_results() if result.status is Status.PASSED]
    recorded = [result.provenance.code for result in passed]
    others = [code for code in recorded if code and code.differs(now)]
    if others and (now.commit or now.sources):
        yield (
            f"note: {len(others)} of {len(passed)} results were made by other code "
            f"({revision.describe(others[-1])}; now {revision.describe(now)}); "
            "NEW=1 runs everything again"
        )
