"""The store of a sweep: an SQLite file with one writer and any number of readers.

It keeps every attempt at a trial. In WAL mode with full synchronisation, what `writing()` has
committed survives a kill or a power cut, and readers neither wait for the runner nor delay it.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from espalier.core import decoding, names, strict_json
from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.core.process import disk_full
from espalier.core.records import PlanHeader
from espalier.core.texts.program_name import MAKE
from espalier.core.trial import Record, Result, Status, Trial
from espalier.plan.sweep_naming import SweepNaming, naming_of
from espalier.store import connections, file_systems, schema, sqlite_errors
from espalier.store.attempt import (
    BEGUN,
    INCONCLUSIVE,
    INTERRUPTED,
    READ,
    TAKEN_OVER,
    WRITTEN,
    Attempt,
    as_row,
    from_row,
)
from espalier.store.busy import READER, Patience
from espalier.store.connections import Connection
from espalier.store.sqlite_errors import CONTENT, changing, reading
from espalier.store.sweep_files import has_sweep_files

_CONCLUSIVE = f"status != 'running' AND reason NOT IN {INCONCLUSIVE}"


class Store:
    """An open store. `close()` it, or use it in a `with` statement."""

    def __init__(self, path: Path, connection: Connection, patience: Patience) -> None:
        """Hold a connection; use `create` and `open` instead."""
        self.path, self._connection, self._db = path, connection, connection.db
        self.patience, self._file = patience, path.stat()

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
        decoding.header(self._meta("header"))  # every command needs it
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

    @property
    @reading
    def header(self) -> PlanHeader:
        """The plan's header, as `plan.jsonl` had it."""
        return decoding.header(self._meta("header"))

    @reading
    def setting(self, name: str) -> str:
        """Return a setting of the header, which every plan has."""
        return self.header.settings[name]

    @property
    @reading
    def created(self) -> float:
        """The start of the sweep, in seconds since 1970."""
        return decoding.number(self._meta("created"))

    @property
    @reading
    def order(self) -> float:
        """The place of the sweep among others of its folder: of two the later one has the larger.

        It is when the sweep began, unless the clock was put back before that.
        """
        return decoding.number(self._meta("order", self._meta("created")))

    @property
    @reading
    def round(self) -> int:
        """The round of attempts, from 1; in each, errors have a new allowance of attempts."""
        return decoding.whole(self._meta("round"))

    @property
    @reading
    def again(self) -> dict[int, int]:
        """The trials that were to be run again, with the number of the last attempt before that."""
        return decoding.counts(self._meta("again", {}))

    @reading
    def trials(self) -> list[Trial]:
        """Return every trial, in plan order."""
        rows = self._db.execute("SELECT number, trial FROM trials ORDER BY number")
        return [decoding.trial(decoding.value(text), number) for number, text in rows]

    @reading
    def trials_with(self, ids: Collection[str]) -> list[Trial]:
        """Return the trials that have one of these ids, in plan order."""
        rows = self._db.execute("SELECT id, number, trial FROM trials ORDER BY number")
        return [decoding.trial(decoding.value(text), n) for key, n, text in rows if key in ids]

    @reading
    def directories(self) -> dict[int, str]:
        """Return the name of every trial's folder, by number. It names an entry of a folder."""
        rows = self._db.execute("SELECT number, directory FROM trials ORDER BY number")
        return {number: names.checked(name, self.path) for number, name in rows}

    @reading
    def trial_records(self) -> list[tuple[str, str]]:
        """Return the name of every trial's folder and its record as text of JSON, in plan order."""
        rows = self._db.execute("SELECT directory, trial FROM trials ORDER BY number")
        return [(names.checked(name, self.path), str(text)) for name, text in rows]

    @reading
    def config_text(self, number: int) -> str:
        """Return the text of a trial's `.config`."""
        query = "SELECT config FROM trials WHERE number = ?"
        return str(self._db.execute(query, (number,)).fetchone()[0])

    @reading
    def attempts(self, number: int | None = None) -> list[Attempt]:
        """Return every attempt, or those of one trial, in order."""
        where, values = ("", ()) if number is None else ("WHERE trial = ?", (number,))
        query = f"SELECT {READ} FROM attempts {where} ORDER BY trial, attempt"
        return [from_row(row) for row in self._db.execute(query, values)]

    @reading
    def names(self) -> dict[int, str]:
        """Return the name of every trial, by number."""
        return dict(self._db.execute("SELECT number, name FROM trials ORDER BY number"))

    @reading
    def attempt_keys(self) -> list[tuple[int, int]]:
        """Return trial and number of every attempt, in no order; of the table no row is read."""
        query = "SELECT trial, attempt FROM attempts INDEXED BY attempts_by_status"
        return self._db.execute(query).fetchall()

    @reading
    def attempt(self, trial: int, attempt: int) -> Attempt:
        """Return an attempt at a trial by its number."""
        query = f"SELECT {READ} FROM attempts WHERE trial = ? AND attempt = ?"
        return from_row(self._db.execute(query, (trial, attempt)).fetchone())

    @reading
    def final_results(self) -> list[tuple[Trial, Result, int]]:
        """Return every trial, the result of its last conclusive attempt and its number of attempts.

        The result of a trial without a conclusive attempt has status `notrun`.
        """
        final = {
            number: decoding.result(decoding.value(text))
            for number, text in self._db.execute(
                f"SELECT trial, result FROM attempts WHERE {_CONCLUSIVE} ORDER BY trial, attempt"
            )
        }
        return self._beside_trials(final)

    @reading
    def outcomes(self) -> list[tuple[Trial, Result, int]]:
        """Return what `final_results` does, of each result no more than its status and measures.

        That takes a fraction of the time, as most of a result is its history.
        """
        query = (
            "SELECT trial, status, json_extract(result, '$.measures') FROM attempts "
            f"WHERE {_CONCLUSIVE} ORDER BY trial, attempt"
        )
        final = {
            number: decoding.outcome(status, decoding.value(text or "{}"))
            for number, status, text in self._db.execute(query)
        }
        return self._beside_trials(final)

    def _beside_trials(self, final: Mapping[int, Result]) -> list[tuple[Trial, Result, int]]:
        """Return every trial with its result and its number of attempts."""
        counts = dict(self._db.execute("SELECT trial, count(*) FROM attempts GROUP BY trial"))
        return [
            (trial, final.get(trial.number, Result(Status.NOTRUN)), counts.get(trial.number, 0))
            for trial in self.trials()
        ]

    @reading
    def last_conclusive(self, number: int) -> tuple[Attempt, Result] | None:
        """Return the last conclusive attempt at a trial with its result; None if there is none."""
        query = (
            f"SELECT {WRITTEN} FROM attempts "
            f"WHERE trial = ? AND {_CONCLUSIVE} ORDER BY attempt DESC LIMIT 1"
        )
        row = self._db.execute(query, (number,)).fetchone()
        return row and (from_row(row[:-1]), decoding.result(decoding.value(row[-1])))

    @reading
    def states(self) -> dict[int, Status]:
        """Return the status of every trial: running, or that of its last conclusive attempt.

        That of a trial to be run again is `notrun` until an attempt after that has begun.
        """
        numbers = self._db.execute("SELECT number FROM trials ORDER BY number")
        states = {number: Status.NOTRUN for (number,) in numbers}
        query = (
            "SELECT trial, status, attempt FROM attempts "
            f"WHERE status = 'running' OR ({_CONCLUSIVE}) ORDER BY trial, attempt"
        )
        again = self.again
        for number, text, attempt in self._db.execute(query):
            if attempt > again.get(number, 0):
                states[number] = Status(text)
        return states

    @reading
    def counts(self) -> dict[Status, int]:
        """Count the trials by their status."""
        return dict(Counter(self.states().values()))

    @reading
    def is_sound(self) -> bool:
        """Return whether every page, row and record can be read, or raise UserError."""
        check = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        self.header, self.round, self.created, self.directories()
        self.attempts(), self.final_results()
        return bool(check == ("ok",))

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

    def finish(self, number: int, attempt: int, result: Result) -> None:
        """Record what came of a running attempt."""
        if result.status in (Status.NOTRUN, Status.RUNNING):
            raise ValueError(f"trial {number}: a finished attempt cannot be {result.status}")
        self._db.execute(
            "UPDATE attempts SET status = ?, reason = ?, message = ?, finished = ?, result = ? "
            "WHERE trial = ? AND attempt = ? AND status = 'running'",
            (result.status.value, result.reason, result.message, time.time())
            + (strict_json.encode(result.as_json()), number, attempt),
        )

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

    def _meta(self, key: str, default: Any = None) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return default if row is None else decoding.value(row[0])


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
