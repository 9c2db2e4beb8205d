"""Starting and continuing a sweep: its folder, its executor, and what is printed at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from espalier.analysis.claims.claim_text import check_claims
from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.process import os_errors, standard_streams, stop_signals
from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.plan.outside_files import script_plan
from espalier.plan.stopping.deciding_measures import check_deciders
from espalier.plan.stopping.stop_rules import idle_notes
from espalier.report import reports
from espalier.report.reports import write_page
from espalier.run import closing, executor_choice, reuse
from espalier.run.displays.earlier_failures import earlier_failures
from espalier.run.displays.page_display import PageDisplay
from espalier.run.displays.terminal_display import display
from espalier.run.entries import check_installed
from espalier.run.executor_choice import Site
from espalier.run.opening import retrial
from espalier.run.opening.launch_request import LaunchRequest
from espalier.run.opening.sweep_opening import existing, open_sweep
from espalier.run.pending import pending
from espalier.run.pool import Executor
from espalier.run.runner import Runner
from espalier.run.supplies import supply_choice
from espalier.run.supplies.plan_growth import may_grow
from espalier.run.supplies.supply import NO_SUPPLY, Supply
from espalier.scripts.script_identity import code_of
from espalier.store.busy import StoreBusyError
from espalier.store.results_dir import STORE, SweepDir
from espalier.store.store import Store

_FINISHED = "finished already; NEW=1 (--new) runs this plan again"
_NOTHING = "nothing is left to train"


def run(request: LaunchRequest) -> int:
    """Run the sweep to its end, or as far as it gets; return the exit code.

    0: every trial passed; 1: some did not; 75: the budget of minutes was over before all had ended;
    130: stopped by a signal. Whatever becomes of what is printed, the trials run.
    """
    trials = [trial for trial, _ in request.trials]
    request.report.check(trials)
    check_claims(request.header.claims, trials)
    header = request.header_in(request.results)  # RANK_BY may have been given with the command
    check_deciders(header, trials)
    script_plan.check_allowed(trials, request.header.settings, request.allow)
    with stop_signals.noting(), standard_streams.tolerant(stop_signals.requested):
        check_installed(request.entry)
        with (
            executor_choice.opened(request.placement, request.workload) as site,
            open_sweep(request) as (sweep, begun),  # after what may be refused
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
    trials = (trial for trial, _ in request.trials)
    idle = [f"note: {note}" for note in idle_notes(request.header.settings, trials)]
    for line in [*taken, *_other_code(sweep.store), *idle]:
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


def _other_code(store: Store) -> Iterator[str]:
    """Yield a line if results that count were made by other code than would run now."""
    now = code_of(store.header.settings)
    recorded = store.codes()
    others = [code for code in recorded if code and code.differs(now)]
    if others and (now.commit or now.sources):
        yield (
            f"note: {len(others)} of {len(recorded)} results were made by other code "
            f"({revision.describe(others[-1])}; now {revision.describe(now)}); "
            "NEW=1 runs everything again"
        )
