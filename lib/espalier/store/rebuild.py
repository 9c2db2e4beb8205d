"""Make the store of a sweep again from the files of its folder.

Each trial's training_metrics.json has its result and its attempts. What was planned stands in the
plan files of the folder. Folders of older versions have none: there the old store is read, as far
as it can be read, then the folder of the plan, then the trials themselves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.process import disk_full
from espalier.core.records import PlanHeader
from espalier.core.texts.program_name import MAKE
from espalier.core.trial import Trial
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan
from espalier.plan.plan import Plan
from espalier.scripts import script_knobs
from espalier.store import locks, plan_files, sqlite_errors
from espalier.store.connections import SIDE_FILES
from espalier.store.plan_files import PlannedTrial, SweepRecord
from espalier.store.results_dir import STORE, check_path, directory_name
from espalier.store.sqlite_errors import CONTENT
from espalier.store.store import Store
from espalier.store.sweep_files import TRIALS
from espalier.store.trials import trial_files
from espalier.store.trials.trial_files import StoredTrial, Unreadable

RETIRED = ".damaged"


@dataclass(frozen=True)
class RecoveredPlan:
    """What a sweep planned, and in words where that was read."""

    record: SweepRecord
    trials: Sequence[PlannedTrial]
    origin: str

    def covers(self, stored: Iterable[StoredTrial]) -> bool:
        """Return whether every stored trial is one of the plan."""
        ids = {each.trial.id for each in self.trials}
        return all(each.trial.id in ids for each in stored)


def rebuild(folder: Path, configs: Path) -> Iterator[str]:
    """Make the store of the sweep in `folder` again, and keep what was there under another name.

    `configs` is the folder of the plan, in case it still is that of the sweep. Yield lines on what
    was done. Raises UserError if there is nothing to make it from, or a runner uses it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: must be the folder of a sweep")
    check_path(folder)
    with locks.locked(folder):
        if _is_sound(folder / STORE):
            yield f"{folder / STORE}: is sound; there is nothing to make again"
            return
        files = list(trial_files.read_all(folder))
        stored = [each for each in files if isinstance(each, StoredTrial)]
        for each in files:
            if isinstance(each, Unreadable):
                yield f"note: {each.path}: damaged ({each.reason}); its trial is run again"
        planned = _planned(folder, configs, stored)
        yield from _write(folder, planned, {each.trial.id: each for each in stored})


def _is_sound(path: Path) -> bool:
    """Return whether a store can be read from its first to its last page."""
    try:
        with Store.open(path, readonly=True) as store:
            return store.is_sound()
    except sqlite_errors.DamagedStoreError:
        return False
    except UserError:
        if path.is_file():  # locked, or out of reach: it may be sound, so it stays
            raise
        return False


def _write(
    folder: Path, planned: RecoveredPlan, stored: Mapping[str, StoredTrial]
) -> Iterator[str]:
    texts = dict(_texts(folder, planned, stored))
    rows = [
        (trial, texts[trial.number], _directory(stored.get(trial.id), name))
        for trial, name in planned.trials
    ]
    with disk_full.reported(folder):
        yield from _retire(folder)
    record = planned.record
    Store.create(folder / STORE, record.header, rows, record.order)
    with Store.open(folder / STORE) as store, store.writing():
        store.set_start(record.created, record.round)
        for trial, _ in planned.trials:
            if each := stored.get(trial.id):
                store.restore(trial.number, each.attempts, each.result)
    count, total = len(stored), len(planned.trials)
    yield f"{folder / STORE}: made again with {count} of {total} results, {planned.origin}"


def _directory(stored: StoredTrial | None, planned: str) -> str:
    return stored.directory if stored else planned


def _retire(folder: Path) -> Iterator[str]:
    """Rename an old store, with its log, which belongs to it and to no other."""
    if not (folder / STORE).exists():
        for suffix in SIDE_FILES:
            (folder / f"{STORE}{suffix}").unlink(missing_ok=True)
        return
    names = [f"{STORE}{RETIRED}"] + [f"{STORE}{RETIRED}.{n}" for n in range(2, 1000)]
    name = next(name for name in names if not (folder / name).exists())
    for suffix in (*SIDE_FILES, ""):
        with suppress(FileNotFoundError):
            (folder / f"{STORE}{suffix}").rename(folder / f"{name}{suffix}")
    yield f"{folder / name}: what was there before"


def _planned(folder: Path, configs: Path, stored: Sequence[StoredTrial]) -> RecoveredPlan:
    """Return the plan of the sweep from the first place that has it. Raises UserError."""
    for read in (_from_plan_files, _from_old_store):
        with suppress(UserError, OSError, *CONTENT):
            return read(folder)
    if not stored:
        raise UserError(
            f"{folder}: has neither {TRIALS} nor a result of a trial, so there is "
            "nothing to make a store from; run its plan again"
        )
    with suppress(UserError, OSError, *CONTENT):
        planned = _from_configs(configs, stored)
        if planned.covers(stored):
            return planned
    return _from_trials(stored)


def _from_plan_files(folder: Path) -> RecoveredPlan:
    trials, origin = plan_files.read_trials(folder), "all of its plan"
    return RecoveredPlan(plan_files.read_sweep(folder), trials, origin)


def _from_old_store(folder: Path) -> RecoveredPlan:
    with Store.open_any(folder / STORE) as store:
        names = store.directories()
        trials = [PlannedTrial(trial, names[trial.number]) for trial in store.trials()]
        record = SweepRecord(store.header, store.round, store.created, store.order)
    if record.header.trials not in (0, len(trials)):
        raise UserError(f"{folder / STORE}: lacks trials")
    return RecoveredPlan(record, trials, "all of its plan, as the old store had it")


def _from_configs(configs: Path, stored: Sequence[StoredTrial]) -> RecoveredPlan:
    planned = plan.read_plan(configs)
    header = planned.header()
    trials = [PlannedTrial(each, directory_name(each, header.controls)) for each in planned.trials]
    return RecoveredPlan(_record(header, stored), trials, f"all of the plan in {configs}")


def _from_trials(stored: Sequence[StoredTrial]) -> RecoveredPlan:
    """Return as much of a plan as the trials that ended tell."""
    trials = [PlannedTrial(each.trial, each.directory) for each in stored]
    made = Plan(
        trials=sorted((trial for trial, _ in trials), key=lambda trial: trial.number),
        axes=_axes(stored),
        settings=_settings(stored),
        notes=["made again from the trials' files"],
    )
    origin = (
        "those that ended: what else was planned stands nowhere (its plan files are missing, and "
        "the folder of the plan has another plan)"
    )
    return RecoveredPlan(_record(made.header(), stored), trials, origin)


def _axes(stored: Sequence[StoredTrial]) -> list[dict[str, object]]:
    values: dict[str, dict[str, None]] = {}
    for each in stored:
        for name, text in each.trial.swept.items():
            values.setdefault(name, {})[text] = None
    return [{"symbol": name, "values": list(texts)} for name, texts in values.items()]


def _settings(stored: Sequence[StoredTrial]) -> dict[str, str]:
    """Return the symbols outside of identity as the trials had them, else their defaults."""
    symbols = Symbols(tree.parse())
    settings = assign.effective_config(symbols, symbols.settings)
    for each in stored:
        settings |= each.result.provenance.settings or {}
    return settings


def _record(header: PlanHeader, stored: Sequence[StoredTrial]) -> SweepRecord:
    attempts = [attempt for each in stored for attempt in each.attempts]
    began = min(attempt.started for attempt in attempts)
    command = header.command or f"{MAKE} sweep-run"
    last = max(attempt.round for attempt in attempts)
    return SweepRecord(replace(header, command=command), last, began, began)


def _texts(
    folder: Path, planned: RecoveredPlan, stored: Mapping[str, StoredTrial]
) -> Iterator[tuple[int, str]]:
    """Yield the `.config` of each trial: from its folder, else as the Kconfig tree writes it."""
    missing: list[Trial] = []
    for trial, name in planned.trials:
        text = trial_files.config_text(folder / _directory(stored.get(trial.id), name))
        if text is None:
            missing.append(trial)
        else:
            yield trial.number, text
    yield from _written(missing, planned.record.header.settings)


def _written(trials: Sequence[Trial], settings: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    if not trials:
        return
    script_knobs.use_of_settings(settings)
    symbols = Symbols(tree.parse())
    unknown = {name for trial in trials for name in trial.config} | set(settings)
    if all(name in symbols for name in unknown):
        with tempfile.TemporaryDirectory() as place:
            written = Plan(trials=list(trials), settings=settings)
            plan.write_configs(written, Path(place), symbols)
            for trial in trials:
                yield trial.number, plan.config_text(Path(place), trial)
    else:  # of another version of the tree: what is known, in the same form
        for trial in trials:
            yield trial.number, "".join(f"CONFIG_{k}={v}\n" for k, v in trial.config.items())
