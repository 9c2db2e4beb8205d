"""A search as a sweep: its plan is run, or gone on with, by the one runner."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.analysis.rank import TrialResult
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.kconfig.symbols import BUDGET_MINUTES
from espalier.plan import plan
from espalier.plan.plan import Plan
from espalier.report import reports
from espalier.run import launch
from espalier.run.budgets.time_budget import EXIT_OVER
from espalier.run.entries import entry_of
from espalier.run.executor_choice import LOCAL, Placement
from espalier.run.launch import LaunchRequest
from espalier.store.results_dir import STORE
from espalier.store.store import Store


@dataclass(frozen=True)
class Means:
    """How searches run. `results` is the folder of all sweeps, by default that of `make sweep-run`.

    `parallel` trials at a time (0: by device). With `new` a search that was run before is run
    again instead of gone on with. `in_process` starts no workers: for debuggers. They run on what
    `placement` names.
    """

    results: Path = RESULTS
    parallel: int = 0
    new: bool = False
    in_process: bool = False
    verbose: bool = True
    placement: Placement = LOCAL


def run(planned: Plan, means: Means) -> tuple[Path, list[TrialResult]]:
    """Run a plan to its end, or go on with it; the folder of its results, and every trial's.

    Raises KeyboardInterrupt if it was stopped, and UserError.
    """
    folder = finish(request_of(planned, means), means.verbose)
    with Store.open(folder / STORE, readonly=True) as store:
        return folder, reports.trial_results(store)


def finish(request: LaunchRequest, verbose: bool) -> Path:
    """Run what is requested to its end; return the folder of its results.

    Raises KeyboardInterrupt if it was stopped, and UserError.
    """
    with contextlib.nullcontext() if verbose else _silent():
        code = launch.run(request)
    if code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if code == EXIT_OVER:
        rule = "was over before every trial had ended; call it again to go on"
        raise UserError(f"{BUDGET_MINUTES}={request.budget:g}: {rule}")
    folder = launch.existing(replace(request, new=False))
    if folder is None:
        raise UserError(f"{request.results}: the results are gone; run it again")
    return folder


def request_of(planned: Plan, means: Means) -> LaunchRequest:
    """Return what runs a plan, or goes on with it."""
    written, trials = plan.render(planned)
    return LaunchRequest(
        header=written.header(),
        trials=trials,
        results=means.results,
        output=None,
        parallel=means.parallel or int(planned.settings["PARALLEL"]),
        pack=int(planned.settings["PACK"]),
        new=means.new,
        entry=entry_of(planned.settings),
        in_process=means.in_process,
        command="the same search",
        placement=means.placement,
        reuse=None if means.new else True,
    )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Let what a sweep tells go nowhere; it is all in its folder."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
