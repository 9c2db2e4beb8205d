"""The store of a sweep: an SQLite file with one writer and any number of readers.

It keeps every attempt at a trial. In WAL mode with full synchronisation, what `writing()` has
committed survives a kill or a power cut, and readers neither wait for the runner nor delay it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from espalier.core import decoding, names, strict_json
from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.core.process import disk_full
from espalier.core.records import PlanHeader
from espalier.core.texts.program_name import MAKE
from espalier.core.trial import Record, Result, Status, Trial
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.plan.sweep_naming import SweepNaming, naming_of
from espalier.store import connections, file_systems, schema, sqlite_errors
from espalier.store.attempt import BEGUN, INTERRUPTED, TAKEN_OVER, WRITTEN, Attempt, as_row
from espalier.store.busy import READER, Patience
from espalier.store.connections import Connection
from espalier.store.sqlite_errors import CONTENT, changing, reading
from espalier.store.store_queries import StoreQueries
from espalier.store.sweep_files import has_sweep_files


class Store(StoreQueries):
    """An open store. `close()` it, or use it in a `with` statement."""

    def __init__(self, path: Path, connection: Connection, patience: Patience) -> None:
        """Hold a connection; use `create` and `open` instead."""
        super().__init__(path, connection.db, patience)
        self._connection, self._file = connection, path.stat()

    @classmethod
    def create(
        cls,
        path: Path,
        header: PlanHeader,
        trials: Iterable[tuple[Trial, str, str]],
        order: float | None = None,
    ) -> None:
        """Write the store of a new sweep; it appears under its name complete or not at all.

        Each trial comes with the text of its `.config` and the name of its folder. `order` is its
        place among other sweeps, by default the time.
        """
        system = file_systems.of(path)
        rows = (_row(*each, path) for each in trials)
        with disk_full.reported(path.parent), draft(path, sync=True) as place:
            try:
                with closing(connections.create(place)) as made:
                    schema.fill(made.db, header, rows, system, order)
            finally:
                for left in path.parent.glob(f"{place.name}-*"):
                    left.unlink()

    @classmethod
    def open(cls, path: Path, readonly: bool = False, patience: float = READER) -> Store:
        """Open an existing store. Raises UserError if there is none or it is of another kind.

        While another program has locked it a reader waits `patience` seconds, a runner for ever.
        """
        store = cls.open_any(path, readonly, patience)
        try:
            store._check_kind()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open_any(cls, path: Path, readonly: bool = True, patience: float = READER) -> Store:
        """Open a store of any version, as `open` does otherwise."""
        if path.exists() and not path.is_file():
            raise sqlite_errors.damaged(path, "must be a file")
        if not path.is_file():
            raise _absent(path)
        wait = Patience(path, patience if readonly else math.inf)
        opened = connections.for_reading if readonly else connections.for_writing
        with sqlite_errors.translated(path, *CONTENT):
            return cls(path, wait.wait(lambda: opened(path)), wait)

    @reading
    def _check_kind(self) -> None:
        """Raise UserError unless this is a store of the version that this program reads."""
        version = self._meta("schema")
        if version != schema.SCHEMA:
            raise sqlite_errors.DamagedStoreError(
                f"{self.path}: schema {version}: must be {schema.SCHEMA}; open it with the program "
                f"that wrote it, or {sqlite_errors.cure(self.path.parent)}"
            )
        if other := schema.foreign(self._db):
            raise decoding.ContentError(other)
        header = decoding.header(self._meta("header"))  # every command needs it
        SamplerRecord.of(header.design)
        if self._db.execute("PRAGMA foreign_key_check(attempts)").fetchone():
            raise decoding.ContentError("has attempts at trials that it does not have")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Store:
        """Return this store, which the end of the `with` statement closes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Run the block as one durable transaction.

        Waits while another program has locked the file. Raises DiskFullError, with nothing changed,
        on a full disk, and UserError if the file is damaged or gone.
        """
        with sqlite_errors.translated(self.path):
            self.patience.wait(lambda: self._db.execute("BEGIN IMMEDIATE"))
            try:
                self._check_place()
                yield
                self.patience.wait(lambda: self._db.execute("COMMIT"))
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _check_place(self) -> None:
        """Raise UserError if the file was deleted or renamed: SQLite would go on with it unseen."""
        with suppress(FileNotFoundError):
            if os.path.samestat(self.path.stat(), self._file):
                return
        raise sqlite_errors.gone(self.path)

    @changing
    def begin(self, numbers: Iterable[int], worker: int, device: str) -> dict[int, int]:
        """Record that trials start together; return the number of each trial's attempt, from 1."""
        query = "SELECT coalesce(max(attempt), 0) + 1 FROM attempts WHERE trial = ?"
        attempts = {n: int(self._db.execute(query, (n,)).fetchone()[0]) for n in numbers}
        same = (self.round, time.time(), worker, device)
        self._db.executemany(
            f"INSERT INTO attempts ({BEGUN}) VALUES (?, ?, ?, 'running', '', '', ?, NULL, ?, ?)",
            [(number, attempt, *same) for number, attempt in attempts.items()],
        )
        return attempts

    def take_over(self, number: int, attempt: Attempt, result: Result) -> None:
        """Record an attempt of another sweep as the first one at a trial, with its result."""
        taken = replace(attempt, trial=number, attempt=1, round=TAKEN_OVER)
        values = as_row(number, taken, result)
        marks = ", ".join("?" * len(values))
        self._db.execute(f"INSERT INTO attempts ({WRITTEN}) VALUES ({marks})", values)

    def run_again(self, numbers: Iterable[int]) -> None:
        """Let trials run again whatever came of them; their attempts stay."""
        query = "SELECT coalesce(max(attempt), 0) FROM attempts WHERE trial = ?"
        last = {n: int(self._db.execute(query, (n,)).fetchone()[0]) for n in numbers}
        if not last:
            return
        value = strict_json.encode({str(n): count for n, count in (self.again | last).items()})
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('again', ?)", (value,))

    def progress(self, number: int, attempt: int, record: Record) -> None:
        """Record the last progress of a running attempt."""
        query = "UPDATE attempts SET progress = ? WHERE trial = ? AND attempt = ?"
        self._db.execute(query, (strict_json.encode(record), number, attempt))

    def finish(self, number: int, attempt: int, result: Result, began: float | None = None) -> None:
        """Record what came of a running attempt, and when it began if that was later than noted."""
        if result.status in (Status.NOTRUN, Status.RUNNING):
            raise ValueError(f"trial {number}: a finished attempt cannot be {result.status}")
        self._db.execute(
            "UPDATE attempts SET status = ?, reason = ?, message = ?, finished = ?, result = ?, "
            "started = coalesce(?, started) WHERE trial = ? AND attempt = ? AND status = 'running'",
            (result.status.value, result.reason, result.message, time.time())
            + (strict_json.encode(result.as_json()), began, number, attempt),
        )

    def forget(self, number: int, attempt: int) -> None:
        """Remove an attempt that was noted and has not begun."""
        query = "DELETE FROM attempts WHERE trial = ? AND attempt = ? AND status = 'running'"
        self._db.execute(query, (number, attempt))

    def interrupt_running(self) -> int:
        """Close the attempts whose runner is gone; return how many there were."""
        open_attempts = self._db.execute(
            "SELECT trial, attempt FROM attempts WHERE status = 'running'"
        ).fetchall()
        for number, attempt in open_attempts:
            self.finish(number, attempt, INTERRUPTED)
        return len(open_attempts)

    def next_round(self) -> None:
        """Begin a new round, in which trials that ended in an error have new attempts."""
        value = strict_json.encode(self.round + 1)
        self._db.execute("UPDATE meta SET value = ? WHERE key = 'round'", (value,))

    def set_header(self, header: PlanHeader) -> None:
        """Replace the header: the settings of this run, where they differ from the plan's.

        The name, the note and the tags stay: `set_naming` changes them, also beside a runner.
        """
        self._write_header(naming_of(self.header).over(header))

    def set_naming(self, naming: SweepNaming) -> None:
        """Replace what is given of the name, the note and the tags in the header."""
        self._write_header(naming.over(self.header))

    def _write_header(self, header: PlanHeader) -> None:
        query = "UPDATE meta SET value = ? WHERE key = 'header'"
        self._db.execute(query, (strict_json.encode(header.as_json()),))

    def add_trials(self, trials: Iterable[tuple[Trial, str, str]]) -> None:
        """Add trials to the plan, each with the text of its `.config` and its folder's name."""
        rows = [_row(*each, self.path) for each in trials]
        self._db.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?)", rows)

    def set_swept(self, trials: Iterable[Trial]) -> None:
        """Replace the records of trials of the plan, whose swept values have changed."""
        rows = [(strict_json.encode(trial.as_json()), trial.number) for trial in trials]
        self._db.executemany("UPDATE trials SET trial = ? WHERE number = ?", rows)

    def set_start(self, created: float, round_: int) -> None:
        """Set when a sweep began, and its round, in a store that is made again from files."""
        rows = [(strict_json.encode(created), "created"), (strict_json.encode(round_), "round")]
        self._db.executemany("UPDATE meta SET value = ? WHERE key = ?", rows)

    def restore(self, number: int, attempts: Iterable[Attempt], result: Result) -> None:
        """Add the attempts at a trial, in order, as files tell them; `result` is the trial's.

        Of attempts before the one that counts, no more than why they ended is known.
        """
        tries = list(attempts)
        counts = max(n for n, item in enumerate(tries) if item.conclusive)
        rows = [
            as_row(number, item, result if n == counts else None) for n, item in enumerate(tries)
        ]
        marks = ", ".join("?" * len(rows[0]))
        self._db.executemany(f"INSERT INTO attempts ({WRITTEN}) VALUES ({marks})", rows)


def _row(trial: Trial, config: str, directory: str, origin: Path) -> tuple[object, ...]:
    text = strict_json.encode(trial.as_json())
    return (trial.number, trial.id, trial.name, names.checked(directory, origin), text, config)


def _absent(path: Path) -> UserError:
    if not path.parent.exists():
        return UserError(f"{path.parent}: no such folder; `{MAKE} sweep-list` lists the sweeps")
    if not has_sweep_files(path.parent):
        rule = f"is no sweep's folder: it has no {path.name}; `{MAKE} sweep-list` lists the sweeps"
        return UserError(f"{path.parent}: {rule}")
    return UserError(f"{path}: no such file; if it was lost, {sqlite_errors.cure(path.parent)}")
