"""Taking over results of earlier sweeps, so that nothing is trained twice for the same numbers.

A result is taken over if the same trial would be trained now by the same code, with the same
versions of all packages, on the same kind of device and on the same data. Only a worker can tell
the last two, so one is queried, about a trial of each kind of data. Whatever is not known counts as
different: a trial that is trained once more costs time, a result of something else would be wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.analysis.rank import sampling
from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.process import disk_full, stop_signals
from espalier.core.records import PlanHeader, Provenance, Revision
from espalier.core.trial import FINAL, Action, Result, Task, Trial
from espalier.run import preflight
from espalier.run.pool import Executor
from espalier.scripts.script_identity import code_of
from espalier.store.attempt import TAKEN_OVER, Attempt
from espalier.store.results_dir import STORE, SweepDir
from espalier.store.store import Store
from espalier.store.trials import trial_folders

SETTINGS = ("MICRO_BATCH", "DEBUG_CHECKS", "SAVE_MODEL", "SNAPSHOT_")
"""How symbols outside of identity begin on which numbers, or what a trial leaves, depend."""
SAMPLES = ("VALIDATION_FRACTION", "SPLIT_SEED", "TRAIN_SUBSET", *preflight.NEEDS)
"""Beside the data set and its options, the symbols that choose the samples of a trial."""


@dataclass(frozen=True)
class EarlierResult:
    """A result of an earlier sweep, the attempt that it came of, and its trial in this sweep."""

    trial: Trial
    attempt: Attempt
    result: Result
    directory: Path  # of the trial in the earlier sweep

    @property
    def marked(self) -> Result:
        """The result with a record of where it comes from: the sweep that trained it."""
        made = self.result.provenance
        place = {"sweep": self.directory.parent.name, "trial": self.directory.name}
        origin = made.taken_over or {**place, "attempt": self.attempt.attempt}
        return replace(self.result, provenance=replace(made, taken_over=origin))


def take_over(
    sweep: SweepDir, results: Path, todo: int, start: Callable[[int], Executor]
) -> tuple[str, Executor | None]:
    """Take over what sweeps in `results` have for those of the `todo` trials that never ran.

    `start` starts workers for so many trials, if there is anything to ask. Return a line for
    people, empty if nothing was taken over, and the workers, if they suit what is left to train.
    """
    earlier = _earlier(sweep, results)
    if not earlier:
        return "", None
    left = todo - len(earlier)
    executor = start(max(1, left))
    try:
        taken = _take(earlier, sweep, executor)
    except BaseException:
        executor.close()
        raise
    line = _line(taken, len(sweep.store.trials()))
    if left and len(taken) == len(earlier):
        return line, executor
    executor.close()
    return line, None


def take_over_on(executor: Executor, sweep: SweepDir, results: Path) -> str:
    """Take over results by asking an executor on which nothing runs; return a line, or nothing."""
    earlier = _earlier(sweep, results)
    taken = _take(earlier, sweep, executor) if earlier else []
    return _line(taken, len(sweep.store.trials()))


def _earlier(sweep: SweepDir, results: Path) -> list[EarlierResult]:
    trials = list(_untouched(sweep))
    return find(results, trials, sweep.store.header) if trials else []


def _take(
    earlier: Iterable[EarlierResult], sweep: SweepDir, executor: Executor
) -> list[EarlierResult]:
    """Take over what a worker confirms, and return it."""
    taken = [each for each in _confirmed(earlier, sweep, executor) if _copied(each, sweep)]
    _record(taken, sweep)
    return taken


def _record(taken: Sequence[EarlierResult], sweep: SweepDir) -> None:
    """Record results in the store, in one transaction, and put their files in place."""
    with sweep.store.writing():
        for each in taken:
            sweep.store.take_over(each.trial.number, each.attempt, each.marked)
    trial_folders.place_drafts(sweep)
    for each in taken:
        sweep.prepare(each.trial.number)
        sweep.write_metrics(each.trial, each.marked)


def taken_over(store: Store) -> list[int]:
    """Return the trials whose result is one that was taken over."""
    last = {item.trial: item for item in store.attempts() if item.conclusive}
    return [number for number, attempt in last.items() if attempt.round == TAKEN_OVER]


def _untouched(sweep: SweepDir) -> Iterator[Trial]:
    """Yield the trials without an attempt and without a folder, in which a branch may begin."""
    for trial in sweep.store.untouched():
        if not sweep.directory(trial.number).exists():
            yield trial


def find(results: Path, trials: Iterable[Trial], header: PlanHeader) -> list[EarlierResult]:
    """Return what may be taken over, as far as that can be decided without a worker."""
    missing = {trial.id: trial for trial in trials}
    earlier: list[EarlierResult] = []
    for path in sorted(results.glob(f"sweep_*/{STORE}"), reverse=True):  # the latest first
        if not missing:
            break
        with suppress(UserError, OSError):  # the choice of the sweep to run has noted that
            for each in _in_sweep(path, missing, header):
                earlier.append(each)
                del missing[each.trial.id]
    return earlier


def _in_sweep(path: Path, missing: Mapping[str, Trial], header: PlanHeader) -> list[EarlierResult]:
    here = Provenance(code=code_of(header.settings), versions=revision.versions())
    with Store.open(path, readonly=True) as store:
        if store.header.entry != header.entry:
            return []
        alike = store.trials_with(missing)
        same = [each for each in alike if each.config == missing[each.id].config]
        directories = store.directories() if same else {}
        ended = [(each, store.last_conclusive(each.number)) for each in same]
    return [
        EarlierResult(missing[each.id], *last, path.parent / directories[each.number])
        for each, last in ended
        if last is not None and _is_usable(last[1], header, here)
    ]


def _is_usable(result: Result, header: PlanHeader, here: Provenance) -> bool:
    """Return whether a result is a trial's own, made by the code and the settings of now.

    One that began at a snapshot may be that of a branch, which shares its beginning with another.
    """
    made = result.provenance
    same = _same_code(made.code, here.code) and made.versions == here.versions
    settings = _mattering(made.settings or {}) == _mattering(header.settings)
    known = bool(made.data_fingerprint and made.device)
    return result.status in FINAL and not made.resumed and known and same and settings


def _same_code(made: Revision | None, now: Revision | None) -> bool:
    """Return whether both are known, by a commit or a hash of their own, and are the same."""
    if made is None or now is None:
        return False
    known = made.as_json()
    return bool(known.get("commit") or known.get("sources")) and not made.differs(now)


def _mattering(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in settings.items() if name.startswith(SETTINGS)}


def _confirmed(
    earlier: Iterable[EarlierResult], sweep: SweepDir, executor: Executor
) -> Iterator[EarlierResult]:
    """Yield those that a worker would train on the same data and on such a device."""
    kinds: dict[tuple[tuple[str, str], ...], list[EarlierResult]] = {}
    for each in earlier:
        kinds.setdefault(tuple(sampling(each.trial, *SAMPLES).items()), []).append(each)
    for alike in kinds.values():
        now = _query(alike[0].trial, sweep, executor)
        yield from (each for each in alike if _is_same(each.result.provenance, now))


def _query(trial: Trial, sweep: SweepDir, executor: Executor) -> Provenance:
    """Return the provenance that a worker says a result of this trial would have."""
    settings = dict(sweep.store.header.settings)
    task = Task((trial,), settings, (sweep.folder,), (0,), Action.PREFLIGHT)
    result = preflight.ask(executor, task, stop_signals.requested)
    return result.provenance if result is not None else Provenance()


def _is_same(made: Provenance, now: Provenance) -> bool:
    names = ("versions", "device", "data_fingerprint")
    same = all(getattr(made, name) == getattr(now, name) for name in names)
    return same and _same_code(made.code, now.code)


def _copied(each: EarlierResult, sweep: SweepDir) -> bool:
    """Copy the files of a result; return whether they could be read."""
    place = f"{each.directory.parent.name}/{each.directory.name}"
    heading = f"{each.trial.name}: taken over from {place}, attempt {each.attempt.attempt}"
    with suppress(OSError), disk_full.reported(sweep.folder):
        trial_folders.copy_as_draft(each.directory, sweep.directory(each.trial.number), heading)
        return True
    return False


def _line(taken: Sequence[EarlierResult], total: int) -> str:
    if not taken:
        return ""
    sweeps = list(Counter(each.directory.parent.name for each in taken))
    names = ", ".join(sweeps[:3]) + (f" and {len(sweeps) - 3} more" if len(sweeps) > 3 else "")
    return f"{len(taken)} of {total} results taken over from {names}"
