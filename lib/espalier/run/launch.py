"""Starting and continuing a sweep: its folder, its executor, and what is printed at the end."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core import disk_full, os_errors, revision, standard_streams, stop_signals
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader, Revision
from espalier.core.stop_signals import EXIT_INTERRUPTED
from espalier.core.trial import LOG, Status, Trial
from espalier.report import reports
from espalier.run import admission
from espalier.run.devices import describe_devices, slots
from espalier.run.pool import Executor, InProcess, Pool
from espalier.run.priority import Priority
from espalier.run.progress import counted, display
from espalier.run.runner import RunLimits, Runner, pending
from espalier.store import results_dir
from espalier.store.results_dir import STORE, SweepDir, new_sweep_path, skip_unusable, sweeps
from espalier.store.store import Store

ENTRY = "espalier.train.worker_entry:train_trial"
"""What trains a trial, unless another function is named."""
WORKERS_LOG = "workers.log"


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
    by: str | None = None  # overrides CONFIG_RANK_BY
    priority: str = ""  # which trials start first
    command: str = "make sweep-run"  # what goes on with this sweep once it has stopped

    @property
    def limits(self) -> RunLimits:
        """Attempts and time, as the settings have them, and the size of packs."""
        settings = self.header.settings
        attempts, timeout = int(settings["MAX_ATTEMPTS"]), int(settings["TRIAL_TIMEOUT"])
        priority = Priority(self.priority, self.header.axes)
        return RunLimits(attempts, timeout, self.pack, not self.parallel, priority)

    @property
    def plan_id(self) -> str:
        """The hash that identifies the plan."""
        return self.header.plan_id


def run(request: LaunchRequest) -> int:
    """Run the sweep to its end, or as far as it gets; return the exit code.

    0: every trial passed; 1: some did not; 130: stopped by a signal. Whatever becomes of what is
    printed, the trials run.
    """
    with stop_signals.heeded(), standard_streams.tolerant(stop_signals.requested):
        devices = _devices(request)  # refused before there is a folder
        with _sweep(request) as (sweep, begun), _steady(sweep.folder):
            code = _run(request, sweep, begun, devices)
        return EXIT_INTERRUPTED if stop_signals.requested() else code


def _run(request: LaunchRequest, sweep: SweepDir, begun: str, devices: list[str]) -> int:
    todo = pending(sweep.store, request.limits.attempts)
    for line in _other_code(sweep.store):
        print(line)
    if not todo:
        print(f"{sweep.folder}: finished already; NEW=1 (--new) runs this plan again")
    elif not stop_signals.requested():
        with suppress(KeyboardInterrupt):  # the second request: what was done is reported
            _train(request, sweep, f"{begun}, {len(todo)}", devices[: len(todo)])
    with stop_signals.patience(2):
        left = pending(sweep.store, request.limits.attempts)
        return _stopped(sweep, len(left), request) if left else _closing(sweep, request)


def _train(request: LaunchRequest, sweep: SweepDir, begun: str, devices: list[str]) -> None:
    """Run the trials that are pending, on as many of the devices as memory allows."""
    devices, notes = admission.fit_workers(
        devices[: 1 if request.in_process else None], request.parallel
    )
    for line in notes:
        print(line)
    executor = _executor(request, devices, sweep)
    print(f"{sweep.folder}: {begun} of {len(request.trials)} trials", end=", ")
    print(f"{len(executor.devices)} at a time {describe_devices(executor.devices)}", flush=True)
    Runner(sweep, executor, request.limits, display()).run()


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
    return 0


@contextmanager
def _sweep(request: LaunchRequest) -> Iterator[tuple[SweepDir, str]]:
    """Open the sweep to run, with its lock held; say whether it is new or goes on."""
    with ExitStack() as stack:
        with _exclusive(request.output or request.results):
            folder, begun = existing(request), "going on"
            if folder is None:
                stop_signals.check()
                folder, begun = _created(request), "new sweep"
            stack.enter_context(results_dir.locked(folder))
        sweep = SweepDir(folder)
        stack.callback(sweep.close)
        sweep.take_over()
        yield sweep, _refresh(sweep.store, request) or begun


def _created(request: LaunchRequest) -> Path:
    results_dir.remove_unfinished(request.results)
    folder = request.output or new_sweep_path(request.results)
    header = replace(request.header, command=request.command)
    results_dir.create(folder, header, request.trials)
    return folder


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


def _refresh(store: Store, request: LaunchRequest) -> str:
    """Take over the request's settings, and retry errors if only they are left."""
    with store.writing():
        packs = store.header.packs
        store.set_header(replace(request.header, command=request.command, packs=packs))
        if pending(store, request.limits.attempts) or Status.ERROR not in store.counts():
            return ""
        store.next_round()
        return "trying errors again"


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Let only one runner choose its sweep at a time, so that none is begun twice."""
    try:
        with disk_full.reported(folder):
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        what = f"cannot be a folder of results ({error.strerror})"
        raise UserError(f"{folder}: {what}; name another") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def existing(request: LaunchRequest) -> Path | None:
    """Return the folder of the sweep to go on with: the newest of this plan, or the one named."""
    if request.output is not None:
        return _named(request.output, request)
    if request.new:
        return None
    for folder in sweeps(request.results):
        with skip_unusable():
            if _plan_of(folder) == request.plan_id:
                return folder
    return None


def _named(folder: Path, request: LaunchRequest) -> Path | None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output-dir {folder}: must be a folder; name another")
    if not (folder / STORE).exists():
        return None
    if request.new or _plan_of(folder) != request.plan_id:
        rule = "holds results already" if request.new else "holds the results of another plan"
        raise UserError(f"--output-dir {folder}: {rule}; name another folder")
    return folder


def _plan_of(folder: Path) -> str:
    with Store.open(folder / STORE, readonly=True) as store:
        return store.header.plan_id


def _other_code(store: Store) -> Iterator[str]:
    """Yield a line if results that count were made by other code than would run now."""
    now = revision.code()
    passed = [result for _, result, _ in store.final_results() if result.status is Status.PASSED]
    recorded = [result.provenance.code for result in passed]
    others = [code for code in recorded if code and code.differs(now)]
    if others and now.commit:
        yield (
            f"note: {len(others)} of {len(passed)} results were made by other code "
            f"(commit {_commit(others[-1])}, now {_commit(now)}); NEW=1 runs everything again"
        )


def _commit(code: Revision) -> str:
    return str(code.commit)[:7] + ", modified" * bool(code.modified)


def _devices(request: LaunchRequest) -> list[str]:
    threads = max(int(trial.config["CPU_THREADS"]) for trial, _ in request.trials)
    ranks = max(trial.ranks for trial, _ in request.trials)
    if request.in_process and ranks > 1:
        rule = "trains a trial in processes of their own; leave out --in-process"
        raise UserError(f"CONFIG_DEVICES_PER_TRIAL={ranks}: {rule}")
    return slots(request.header.settings["DEVICE"], request.parallel, threads, ranks)


def _executor(request: LaunchRequest, devices: Sequence[str], sweep: SweepDir) -> Executor:
    if request.in_process:
        return InProcess(request.entry)
    return Pool(request.entry, devices, sweep.folder / WORKERS_LOG)


def _stopped(sweep: SweepDir, left: int, request: LaunchRequest) -> int:
    reports.write_reports(sweep.folder, request.by)
    counts = counted(sweep.store.counts()) or "none has ended"
    print(f"stopped: {counts}, {left} to go; `{request.command}` goes on where this stopped")
    return EXIT_INTERRUPTED


def _closing(sweep: SweepDir, request: LaunchRequest) -> int:
    """Write and print the reports, with advice on what did not pass; return the exit code."""
    print(reports.write_reports(sweep.folder, request.by))
    counts = sweep.store.counts()
    total = sum(counts.values())
    print(f"{total} trial{'s' * (total != 1)}: {counted(counts)}")
    print(f"report: {sweep.folder / reports.ANALYSIS}")
    bad = [name for name in (Status.FAILED, Status.ERROR) if name in counts]
    for name in bad:
        advice = _ADVICE[name].format(log=_first_log(sweep, name), command=request.command)
        print(f"{name}: {advice}")
    return 1 if bad else 0


_ADVICE = {
    Status.FAILED: "ran to an end that does not count, and is not run again; why: `cat {log}`",
    Status.ERROR: "`{command}` tries again whatever ended in an error; why: `cat {log}`",
}


def _first_log(sweep: SweepDir, status: Status) -> Path:
    states = sweep.store.states()
    return sweep.directory(min(n for n, state in states.items() if state == status)) / LOG
