"""What can be read of the store of a sweep: its header, its trials, and the attempts at them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from espalier.core import decoding, names
from espalier.core.records import PlanHeader, Revision
from espalier.core.trial import PAUSED, Result, Status, Trial
from espalier.store.attempt import (
    INCONCLUSIVE,
    READ,
    WRITTEN,
    Attempt,
    LastAttempt,
    from_row,
    moment_of,
)
from espalier.store.busy import Patience
from espalier.store.sqlite_errors import reading

_CONCLUSIVE = f"status != 'running' AND reason NOT IN {INCONCLUSIVE}"


class StoreQueries:
    """The queries of an open store. They wait for locks, and raise UserError for what is no use."""

    def __init__(self, path: Path, db: sqlite3.Connection, patience: Patience) -> None:
        """Read the store at `path` by the connection `db`."""
        self.path, self._db, self.patience = path, db, patience

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

    @property
    @reading
    def begun(self) -> bool:
        """Whether any trial has an attempt."""
        return self._db.execute("SELECT 1 FROM attempts LIMIT 1").fetchone() is not None

    @reading
    def untouched(self) -> list[Trial]:
        """Return the trials without an attempt, in plan order."""
        query = (
            "SELECT number, trial FROM trials "
            "WHERE number NOT IN (SELECT trial FROM attempts) ORDER BY number"
        )
        return [decoding.trial(decoding.value(text), n) for n, text in self._db.execute(query)]

    @reading
    def errors(self, round_: int, number: int | None = None) -> list[tuple[int, int, str]]:
        """Return trial, number and reason of the attempts of a round that ended in an error.

        In order; of one trial alone if it is given.
        """
        query = (
            "SELECT trial, attempt, reason FROM attempts WHERE status = 'error' AND round = ? "
            "AND coalesce(trial = ?, TRUE) ORDER BY trial, attempt"
        )
        return self._db.execute(query, (round_, number)).fetchall()

    @reading
    def codes(self) -> list[Revision | None]:
        """Return the code that made the result of each trial that has passed, in plan order."""
        query = (
            "SELECT trial, status, json_extract(result, '$.provenance.code') FROM attempts "
            f"WHERE {_CONCLUSIVE} ORDER BY trial, attempt"
        )
        final = {number: (status, text) for number, status, text in self._db.execute(query)}
        texts = [text for status, text in final.values() if status == Status.PASSED]
        codes = {text: decoding.revision(decoding.value(text or "null")) for text in {*texts}}
        return [codes[text] for text in texts]

    @reading
    def last_attempts(self) -> list[LastAttempt]:
        """Return the last attempt at every trial that has a conclusive one."""
        query = (
            "SELECT trial, max(attempt), status, finished FROM attempts "
            f"GROUP BY trial HAVING sum({_CONCLUSIVE}) > 0"
        )
        rows = self._db.execute(query)
        return [LastAttempt(n, last, status, moment_of(end)) for n, last, status, end in rows]

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
    def shown(self, number: int | None = None) -> dict[int, list[Result]]:
        """Return the results of the conclusive attempts at every trial, or at one, in order.

        Those that have paused at a rung are among them.
        """
        which, values = ("", ()) if number is None else ("trial = ? AND ", (number,))
        query = (
            f"SELECT trial, result FROM attempts WHERE {which}status != 'running' "
            f"AND (reason = '{PAUSED}' OR {_CONCLUSIVE}) ORDER BY trial, attempt"
        )
        results: dict[int, list[Result]] = {}
        for trial, text in self._db.execute(query, values):
            results.setdefault(trial, []).append(decoding.result(decoding.value(text)))
        return results

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
    def digest(self) -> str:
        """Return a hash of the plan and of every attempt, as they are stored."""
        columns = {"meta": "*", "trials": "number, directory, trial", "attempts": "*"}
        digest = hashlib.sha256()
        for table, names_ in columns.items():
            for row in self._db.execute(f"SELECT {names_} FROM {table} ORDER BY 1, 2"):
                digest.update(repr(row).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @reading
    def is_sound(self) -> bool:
        """Return whether every page, row and record can be read, or raise UserError."""
        check = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        self.header, self.round, self.created, self.directories()
        self.attempts(), self.final_results()
        return bool(check == ("ok",))

    def _meta(self, key: str, default: Any = None) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return default if row is None else decoding.value(row[0])
