"""The store of a sweep: an SQLite file with one writer and any number of readers.

It keeps every attempt at a trial. In WAL mode with full synchronisation, what `writing()` has
committed survives a kill or a power cut, and readers neither wait for the runner nor delay it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from typing import Any

from espalier.core import disk_full, strict_json
from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.core.trial import Record, Result, Status, Trial
from espalier.store import schema, sqlite_errors
from espalier.store.sqlite_errors import reading

TAKEN_OVER = 0
"""The round of an attempt that another sweep made and whose result was taken over."""
INTERRUPTED = Result(Status.ERROR, "interrupted", "the runner stopped while this trial ran")
PACK_OOM = "pack_oom"
INCONCLUSIVE = ("interrupted", "disk_full", PACK_OOM, "pack_crash", "pack_timeout")
"""Reasons that say nothing about the trial; such an attempt uses up none of its allowance."""

_ATTEMPT = "trial, attempt, round, status, reason, message, started, finished, worker, device"
_CONCLUSIVE = f"status != 'running' AND reason NOT IN {INCONCLUSIVE}"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a trial. Times are seconds since 1970; `finished` is None while it runs."""

    trial: int
    attempt: int
    round: int
    status: Status
    reason: str
    message: str
    started: float
    finished: float | None
    worker: int  # process id
    device: str
    progress: Record = field(default_factory=dict)  # the last record that the trial emitted

    @property
    def task_key(self) -> tuple[int, float]:
        """A key of its task: equal for attempts that began together, and for no others."""
        return self.worker, self.started

    @property
    def conclusive(self) -> bool:
        """Whether its result is one of its trial, and not of the machine or the runner."""
        return self.status is not Status.RUNNING and self.reason not in INCONCLUSIVE


def count_per_task(attempts: Iterable[Attempt]) -> Counter[tuple[int, float]]:
    """Count the trials of each task, by `Attempt.task_key`; `attempts` are all of a sweep."""
    return Counter(attempt.task_key for attempt in attempts)


class Store:
    """An open store. `close()` it, or use it in a `with` statement."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Hold a connection; use `create` and `open` instead."""
        self.path, self._db = path, connection

    @classmethod
    def create(
        cls, path: Path, header: PlanHeader, trials: Iterable[tuple[Trial, str, str]]
    ) -> None:
        """Write the store of a new sweep; it appears under its name complete or not at all.

        Each trial comes with the text of its `.config` and the name of its folder.
        """
        with disk_full.reported(path.parent), draft(path, sync=True) as place:
            try:
                with closing(schema.connect(f"file:{schema.uri(place)}?mode=rwc")) as db:
                    schema.fill(db, header, starmap(_row, trials))
            finally:
                for left in path.parent.glob(f"{place.name}-*"):
                    left.unlink()

    @classmethod
    def open(cls, path: Path, readonly: bool = False) -> Store:
        """Open an existing store. Raises UserError if there is none or it is of another kind."""
        if not path.is_file():
            raise UserError(f"{path}: no such file; a sweep's results start with `make sweep-run`")
        frozen = readonly and not os.access(path.parent, os.W_OK)
        mode = "mode=ro&immutable=1" if frozen else "mode=ro" if readonly else "mode=rw"
        try:
            store = cls(path, schema.connect(f"file:{schema.uri(path)}?{mode}"))
            version = store._meta("schema")
        except (sqlite3.DatabaseError, TypeError) as error:
            raise UserError(f"{path}: not the store of a sweep ({error})") from error
        if version != schema.SCHEMA:
            store.close()
            raise UserError(
                f"{path}: schema {version}: must be {schema.SCHEMA}; use its own version"
            )
        return store

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

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
        return PlanHeader.from_json(self._meta("header"))

    @property
    @reading
    def created(self) -> float:
        """The start of the sweep, in seconds since 1970."""
        return float(self._meta("created"))

    @property
    @reading
    def round(self) -> int:
        """The round of attempts, from 1; in each, errors have a new allowance of attempts."""
        return int(self._meta("round"))

    @property
    @reading
    def again(self) -> dict[int, int]:
        """The trials that were to be run again, with the number of the last attempt before that."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'again'").fetchone()
        return {int(number): last for number, last in json.loads(row[0] if row else "{}").items()}

    @reading
    def trials(self) -> list[Trial]:
        """Return every trial, in plan order."""
        rows = self._db.execute("SELECT trial FROM trials ORDER BY number")
        return [Trial.from_json(json.loads(text)) for (text,) in rows]

    @reading
    def trials_with(self, ids: Collection[str]) -> list[Trial]:
        """Return the trials that have one of these ids, in plan order."""
        rows = self._db.execute("SELECT id, trial FROM trials ORDER BY number")
        return [Trial.from_json(json.loads(text)) for key, text in rows if key in ids]

    @reading
    def directories(self) -> dict[int, str]:
        """Return the name of every trial's folder, by number."""
        return dict(self._db.execute("SELECT number, directory FROM trials ORDER BY number"))

    @reading
    def config_text(self, number: int) -> str:
        """Return the text of a trial's `.config`."""
        query = "SELECT config FROM trials WHERE number = ?"
        return str(self._db.execute(query, (number,)).fetchone()[0])

    @reading
    def attempts(self, number: int | None = None) -> list[Attempt]:
        """Return every attempt, or those of one trial, in order."""
        where, values = ("", ()) if number is None else ("WHERE trial = ?", (number,))
        query = f"SELECT {_ATTEMPT}, progress FROM attempts {where} ORDER BY trial, attempt"
        return [_attempt(row) for row in self._db.execute(query, values)]

    @reading
    def final_results(self) -> list[tuple[Trial, Result, int]]:
        """Return every trial, the result of its last conclusive attempt and its number of attempts.

        The result of a trial without a conclusive attempt has status `notrun`.
        """
        final = {
            number: Result.from_json(json.loads(text))
            for number, text in self._db.execute(
                f"SELECT trial, result FROM attempts WHERE {_CONCLUSIVE} ORDER BY trial, attempt"
            )
        }
        counts = dict(self._db.execute("SELECT trial, count(*) FROM attempts GROUP BY trial"))
        return [
            (trial, final.get(trial.number, Result(Status.NOTRUN)), counts.get(trial.number, 0))
            for trial in self.trials()
        ]

    @reading
    def last_conclusive(self, number: int) -> tuple[Attempt, Result] | None:
        """Return the last conclusive attempt at a trial with its result; None if there is none."""
        query = (
            f"SELECT {_ATTEMPT}, progress, result FROM attempts "
            f"WHERE trial = ? AND {_CONCLUSIVE} ORDER BY attempt DESC LIMIT 1"
        )
        row = self._db.execute(query, (number,)).fetchone()
        return row and (_attempt(row[:-1]), Result.from_json(json.loads(row[-1])))

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

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Run the block as one durable transaction.

        Raises DiskFullError, with nothing changed, on a full disk, and UserError if the file is
        damaged or gone.
        """
        with sqlite_errors.translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def begin(self, numbers: Iterable[int], worker: int, device: str) -> dict[int, int]:
        """Record that trials start together; return the number of each trial's attempt, from 1."""
        query = "SELECT coalesce(max(attempt), 0) + 1 FROM attempts WHERE trial = ?"
        attempts = {n: int(self._db.execute(query, (n,)).fetchone()[0]) for n in numbers}
        same = (self.round, time.time(), worker, device)
        self._db.executemany(
            f"INSERT INTO attempts ({_ATTEMPT}) VALUES (?, ?, ?, 'running', '', '', ?, NULL, ?, ?)",
            [(number, attempt, *same) for number, attempt in attempts.items()],
        )
        return attempts

    def take_over(self, number: int, attempt: Attempt, result: Result) -> None:
        """Record an attempt of another sweep as the first one at a trial, with its result."""
        values = (number, 1, TAKEN_OVER, attempt.status, attempt.reason, attempt.message)
        times = (attempt.started, attempt.finished, attempt.worker, attempt.device)
        records = (strict_json.encode(attempt.progress), strict_json.encode(result.as_json()))
        self._db.execute(
            f"INSERT INTO attempts ({_ATTEMPT}, progress, result) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values + times + records,
        )

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
        """Replace the header: the settings of this run, where they differ from the plan's."""
        query = "UPDATE meta SET value = ? WHERE key = 'header'"
        self._db.execute(query, (strict_json.encode(header.as_json()),))

    def _meta(self, key: str) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0])


def _attempt(row: tuple[Any, ...]) -> Attempt:
    values = (*row[:3], Status(row[3]), *row[4:-1], json.loads(row[-1] or "{}"))
    return Attempt(*values)


def _row(trial: Trial, config: str, directory: str) -> tuple[object, ...]:
    text = strict_json.encode(trial.as_json())
    return (trial.number, trial.id, trial.name, directory, text, config)
