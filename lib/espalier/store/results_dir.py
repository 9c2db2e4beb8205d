"""The folder of a sweep: its store, its lock, and a folder for each trial.

The store is the truth. The files of a trial are derived from it for people to read, and to make
the store again if it is damaged. If a killed runner did not write one, the next runner does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from decimal import Decimal
from pathlib import Path

from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.names import check_inside, check_links
from espalier.core.process import disk_full, os_errors
from espalier.core.process.log_files import open_log
from espalier.core.records import PlanHeader
from espalier.core.texts.program_name import MAKE
from espalier.core.trial import LOG, Result, Status, Trial
from espalier.plan.sweep_naming import read_name, shorten_value
from espalier.store import (
    connections,
    file_systems,
    locks,
    plan_files,
    sqlite_errors,
    unrecorded,
)
from espalier.store.attempt import LastAttempt
from espalier.store.locks import LOCK
from espalier.store.sqlite_errors import DamagedStoreError
from espalier.store.store import Store
from espalier.store.sweep_files import METRICS, has_sweep_files
from espalier.store.trials import metrics_file

STORE = "sweep.db"
CONFIG = "config.txt"
METHOD = "PRUNING_METHOD"
_DRAFT = ".-4194304.db"
"""What the name of a draft of a store has more than that of the store, at most."""
_MOMENT = 1e-3
NAMING = ("MODEL", "OPTIMIZER", METHOD)
SCANNED = 2.0
"""Seconds to wait for a store that is locked, where all sweeps are looked through."""


def check_path(folder: Path) -> None:
    """Raise UserError if the path of a sweep's folder is too long for the store in it."""
    connections.check_length(folder / (STORE + _DRAFT))


def create(folder: Path, header: PlanHeader, trials: Iterable[tuple[Trial, str]]) -> list[str]:
    """Make the store of a new sweep in `folder`, from trials and the texts of their configs.

    Return lines on what is special about its file system.
    """
    check_path(folder)
    named = ((trial, text, directory_name(trial, header.controls)) for trial, text in trials)
    with disk_full.reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    Store.create(folder / STORE, header, named, _order(folder.parent))
    system = file_systems.of(folder)
    special = f"note: results are on {system}: {STORE} is kept without a write-ahead log there"
    return [special] if system.network else []


def _order(results: Path) -> float:
    """Return now, or a moment after the latest sweep if the clock was put back since that began."""
    orders = (order + _MOMENT for order, _ in _ordered(results, _ignoring_unusable))
    return max(time.time(), *orders, 0.0)


def directory_name(trial: Trial, controls: Mapping[str, Sequence[str]]) -> str:
    """Return `config_001_<model>_<optimizer>_<method>_<percent>`.

    It lacks the method if that is a control, and the percentage if there is no target sparsity.
    """
    config = trial.config
    shown = {key: config[key] for key in NAMING if config.get(key)}
    if shown.get(METHOD) in controls.get(METHOD, ()):
        del shown[METHOD]
    parts = [trial.name, *shown.values()]
    if "TARGET_SPARSITY" in config:
        parts.append(f"{(Decimal(config['TARGET_SPARSITY']) * 100).normalize():f}")
    return "_".join(parts)


def new_sweep_path(results: Path, name: str | None = None, now: float | None = None) -> Path:
    """Return a new path `sweep_YYYYMMDD_HHMMSS` in `results`, with `_` and the name if it has one.

    Raises UserError for a name that must not be in a path: one out of a file may be a stranger's.
    """
    first = time.strftime("sweep_%Y%m%d_%H%M%S", time.localtime(now))
    if name is not None:
        first = f"{first}_{_checked(name)}"
    paths = [results / each for each in (first, *(f"{first}_{n}" for n in range(2, 1000)))]
    return next(path for path in paths if not path.exists())


def _checked(name: str) -> str:
    try:
        return read_name(name)
    except UserError as error:
        raise UserError(f"NAME={shorten_value(name)}: {error}") from None


def remove_unfinished(results: Path) -> None:
    """Remove the folders of sweeps whose runner was killed before their store was complete.

    A folder in which a runner is about to write its store is locked by it and stays, as does one
    that is not ours to change.
    """
    for folder in results.glob("sweep_????????_??????*"):
        with _ignoring_unusable():
            if _is_unfinished(folder):
                _remove(folder)


def _remove(folder: Path) -> None:
    with locks.abandoned(folder) as free:
        if free and _is_unfinished(folder):
            _clear(folder)
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()


def _ignoring_unusable() -> AbstractContextManager[None]:
    return suppress(UserError, OSError)


def _is_unfinished(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    return all(_is_draft(path) or path.name == LOCK for path in folder.iterdir())


def _clear(folder: Path) -> None:
    for left in filter(_is_draft, folder.iterdir()):
        left.unlink()


def _is_draft(path: Path) -> bool:
    return path.name.startswith(f".{STORE}.")


def sweeps(results: Path) -> list[Path]:
    """Return the sweeps in `results`, the latest first; print a note for an unusable store."""
    ordered = _ordered(results, skip_unusable)
    return [folder for _, folder in sorted(ordered, reverse=True)]


def _ordered(
    results: Path, skip: Callable[[], AbstractContextManager[None]]
) -> Iterator[tuple[float, Path]]:
    """Yield the place of each sweep of `results` in their order, and its folder."""
    for folder in results.glob("sweep_*"):
        with skip():
            if lost := without_store(folder):
                raise lost
            if (folder / STORE).exists():
                with Store.open(folder / STORE, readonly=True, patience=SCANNED) as store:
                    yield store.order, folder


def without_store(folder: Path) -> DamagedStoreError | None:
    """Return an error if a folder has results of a sweep and no store, else None."""
    if (folder / STORE).exists() or not has_sweep_files(folder):
        return None
    line = f"{folder}: has results but no {STORE}; rename it back if it was renamed, or "
    return DamagedStoreError(line + sqlite_errors.cure(folder))


def newest_sweep(results: Path) -> Path:
    """Return the folder of the sweep that began last. Raises UserError if there is none."""
    for folder in sweeps(results):
        return folder
    raise UserError(f"{results}: no sweep has been run yet; start one with `{MAKE} sweep`")


@contextmanager
def skip_unusable() -> Iterator[None]:
    """Print a note on stderr, and go on, if a sweep is damaged or of another version."""
    try:
        yield
    except (UserError, OSError) as error:
        print(f"note: left out: {error}", file=sys.stderr)


class SweepDir:
    """The folder and the store of a sweep that a runner has open."""

    def __init__(self, folder: Path) -> None:
        """Open the store in `folder`; `close()` it. Raises UserError for links out of `folder`."""
        check_links(folder, folder)
        self.folder = folder
        self.store = Store.open(folder / STORE)
        self._directories = self.store.directories()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def directory(self, number: int) -> Path:
        """Return the folder of a trial."""
        return self.folder / self._directories[number]

    def prepare(self, number: int) -> Path:
        """Create the folder of a trial with its config.txt; return the folder."""
        directory = self.directory(number)
        check_inside(self.folder, directory)
        with disk_full.reported(self.folder):
            directory.mkdir(exist_ok=True)
            atomic_write(directory / CONFIG, self.store.config_text(number))
        return directory

    def log_ending(self, number: int, result: Result) -> None:
        """Append to the log of a trial why it did not pass."""
        if result.status is Status.PASSED:
            return
        line = f"== {result.status} ({result.reason}): {result.message}\n"
        with disk_full.reported(self.folder), open_log(self.directory(number) / LOG) as log:
            log.write(line.encode())

    def write_metrics(self, trial: Trial, result: Result) -> None:
        """Write the training_metrics.json of a trial."""
        attempts = self.store.attempts(trial.number)
        with disk_full.reported(self.folder):
            metrics_file.write(self.directory(trial.number) / METRICS, trial, result, attempts)

    def take_over(self) -> None:
        """Close the attempts of a killed runner, and write the files that it did not."""
        unrecorded.record(self.folder, self.store)
        with self.store.writing():
            self.store.interrupt_running()
        missing = {last.trial for last in self.store.last_attempts() if not self._has(last)}
        for trial, result, _ in self.store.final_results() if missing else ():
            if trial.number in missing:
                self._write_again(trial, result)

    def _has(self, last: LastAttempt) -> bool:
        return metrics_file.is_current(self.directory(last.trial) / METRICS, last)

    def _write_again(self, trial: Trial, result: Result) -> None:
        try:
            self.prepare(trial.number)
            self.write_metrics(trial, result)
        except OSError as error:  # what a trial did to its folder stops no sweep
            place = os_errors.place(error, self.directory(trial.number) / METRICS)
            print(f"note: {place}: {os_errors.describe(error)}")

    def grow(
        self, header: PlanHeader, added: Iterable[tuple[Trial, str]], changed: Iterable[Trial] = ()
    ) -> None:
        """Add trials, with the texts of their configs, to the plan, all at once or none.

        `header` is the new one, `changed` are trials whose swept values are others by it. The plan
        files are written before the store has it all, so that they never lack a trial of it.
        """
        named = [(trial, text, directory_name(trial, header.controls)) for trial, text in added]
        with self.store.writing():
            self.store.add_trials(named)
            self.store.set_swept(changed)
            self.store.set_header(header)
            self.write_plan()
        self._directories = self.store.directories()

    def write_plan(self) -> None:
        """Write the files from which, with those of the trials, the store can be made again."""
        plan_files.write(self.folder, self.store)

    def keep_unrecorded(self, endings: Iterable[unrecorded.Ending]) -> None:
        """Keep results that the store, locked by another program, could not take in time."""
        unrecorded.keep(self.folder, endings)
