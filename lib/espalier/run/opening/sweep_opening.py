"""The folder of the sweep to run: which it is, made or gone on with, and locked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.process import stop_signals
from espalier.core.records import ClaimSeal, PlanHeader
from espalier.core.trial import Status, Trial
from espalier.plan.samplers.model_based import proposal_plan
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.run import reuse
from espalier.run.entries import entry_of
from espalier.run.opening import retrial
from espalier.run.opening.launch_request import LaunchRequest
from espalier.run.pending import pending
from espalier.run.races import race_entry
from espalier.store import locks, results_dir, sealing, sweep_finder
from espalier.store.results_dir import STORE, SweepDir, new_sweep_path
from espalier.store.store import Store
from espalier.store.trials import trial_folders


@contextmanager
def open_sweep(request: LaunchRequest) -> Iterator[tuple[SweepDir, str]]:
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
    seals = _sealed((), header, request, lambda: trials)
    for line in results_dir.create(folder, replace(header, seals=seals), request.trials):
        print(line)


def _sealed(
    before: Sequence[ClaimSeal],
    header: PlanHeader,
    request: LaunchRequest,
    trials: Callable[[], Sequence[Trial]],
) -> list[ClaimSeal] | None:
    """Return the seals of a store that has the header's claims from now on; say a new one."""
    seals = sealing.renewed(before, header.claims, lambda: request.finished_numbers(trials()))
    for seal in (seals or [])[len(before) :]:
        print(sealing.describe_seal(seal, len(trials())))
    return seals


def _refresh(sweep: SweepDir, request: LaunchRequest) -> str:
    """Take over the request's settings, and retry what they or the user ask for.

    Errors are retried if only they are left.
    """
    store, header = sweep.store, request.header_in(sweep.folder)
    if store.begun:  # an entry that started no worker may change
        _check_entry(sweep.folder, store.header, header)
    seals = _sealed(store.header.seals or (), header, request, store.trials)
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
