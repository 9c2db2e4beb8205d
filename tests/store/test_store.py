from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fake_sweep import header, trial

from espalier.core.errors import UserError
from espalier.core.process.disk_full import DiskFullError
from espalier.core.records import PlanHeader, Provenance, Revision
from espalier.core.trial import Result, Status
from espalier.plan.sweep_naming import SweepNaming
from espalier.store.attempt import INTERRUPTED, LastAttempt, moment_of
from espalier.store.sqlite_errors import DamagedStoreError
from espalier.store.store import Store

PASSED = Result(Status.PASSED, measures={"val_acc": 97.0}, history=[{"epoch": 1}])
CRASHED = Result(Status.ERROR, "crash", "it broke")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    planned = [(trial(n), f"CONFIG_A={n}\n", f"config_{n:03}_mlp") for n in (1, 2, 3)]
    Store.create(tmp_path / "sweep.db", header(), planned)
    return tmp_path / "sweep.db"


def record(store: Store, number: int, *results: Result) -> None:
    for result in results:
        with store.writing():
            attempt = store.begin([number], 4711, "cpu")[number]
        with store.writing():
            store.finish(number, attempt, result)


def test_holds_the_plan(path: Path) -> None:
    with Store.open(path) as store:
        assert store.header == header()
        assert store.trials() == [trial(1), trial(2), trial(3)]
        assert store.config_text(2) == "CONFIG_A=2\n"
        assert store.directories() == {n: f"config_00{n}_mlp" for n in (1, 2, 3)}


def test_a_trial_that_never_ran_is_notrun(path: Path) -> None:
    with Store.open(path) as store:
        assert store.final_results()[0] == (trial(1), Result(Status.NOTRUN), 0)
        assert store.counts() == {"notrun": 3}


def test_the_last_conclusive_attempt_counts_and_all_are_kept(path: Path) -> None:
    with Store.open(path) as store:
        record(store, 1, CRASHED, PASSED)
        record(store, 2, CRASHED, INTERRUPTED)
        record(store, 3, INTERRUPTED)
        finals = store.final_results()
        assert [(result, tries) for _, result, tries in finals] == [
            (PASSED, 2),
            (CRASHED, 2),
            (Result(Status.NOTRUN), 1),
        ]
        assert store.counts() == {"passed": 1, "error": 1, "notrun": 1}
        attempts = store.attempts()
        assert [(a.trial, a.attempt, a.status, a.reason) for a in attempts] == [
            (1, 1, "error", "crash"),
            (1, 2, "passed", ""),
            (2, 1, "error", "crash"),
            (2, 2, "error", "interrupted"),
            (3, 1, "error", "interrupted"),
        ]
        assert all(a.finished and a.finished >= a.started for a in attempts)


def test_what_a_runner_that_goes_on_reads(path: Path) -> None:
    with Store.open(path) as store:
        assert not store.begun and store.last_attempts() == [] and store.codes() == []
        record(store, 1, CRASHED, made_by("a"))
        record(store, 2, INTERRUPTED, CRASHED, INTERRUPTED)
        assert store.begun
        assert store.untouched() == [trial(3)]
        ends = [attempt.finished for attempt in store.attempts()]
        assert store.last_attempts() == [
            LastAttempt(1, 2, "passed", moment_of(ends[1])),
            LastAttempt(2, 3, "error", moment_of(ends[4])),
        ]
        record(store, 3, INTERRUPTED)
        assert [last.trial for last in store.last_attempts()] == [1, 2]  # 3 has no result
        interrupted = "interrupted"
        errors = [(2, 1, interrupted), (2, 2, "crash"), (2, 3, interrupted)]
        assert store.errors(1, 2) == errors
        assert store.errors(1) == [(1, 1, "crash"), *errors, (3, 1, interrupted)]
        assert store.errors(2) == []


def test_the_code_of_each_result_that_passed(path: Path) -> None:
    with Store.open(path) as store:
        record(store, 1, made_by("a"), made_by("b"))
        record(store, 2, PASSED)
        record(store, 3, made_by("c"), CRASHED)
        assert store.codes() == [Revision(sources="b"), None]


def made_by(sources: str) -> Result:
    return replace(PASSED, provenance=Provenance(code=Revision(sources=sources)))


def test_the_digest_changes_with_all_that_a_report_tells(path: Path) -> None:
    with Store.open(path) as store:
        digests = [store.digest()]
        with store.writing():
            attempt = store.begin([1], 1, "cpu")[1]
            digests.append(store.digest())
            store.progress(1, attempt, {"epoch": 1})
            digests.append(store.digest())
            store.finish(1, attempt, PASSED)
            digests.append(store.digest())
            store.set_naming(SweepNaming(note="a note"))
            digests.append(store.digest())
            store.set_swept([replace(trial(2), swept={"EPOCHS": "1"})])
            digests.append(store.digest())
            store.next_round()
            digests.append(store.digest())
        assert len({*digests}) == len(digests)
    with Store.open(path, readonly=True) as store:
        assert store.digest() == digests[-1]


def test_a_running_attempt_is_closed_by_the_next_runner(path: Path) -> None:
    with Store.open(path) as store:
        with store.writing():
            store.progress(2, store.begin([2], 1, "cpu")[2], {"epoch": 3})
        assert store.states() == {1: "notrun", 2: "running", 3: "notrun"}
    with Store.open(path) as store:
        with store.writing():
            assert store.interrupt_running() == 1
        (attempt,) = store.attempts(2)
        assert (attempt.status, attempt.reason, attempt.progress) == (
            "error",
            "interrupted",
            {"epoch": 3},
        )
        assert store.states()[2] == "notrun"


def test_the_result_of_an_attempt_is_recorded_once(path: Path) -> None:
    with Store.open(path) as store, store.writing():
        attempt = store.begin([1], 1, "cpu")[1]
        store.finish(1, attempt, PASSED)
        store.finish(1, attempt, CRASHED)
        assert store.counts()["passed"] == 1


def test_an_attempt_cannot_be_notrun(path: Path) -> None:
    with Store.open(path) as store, store.writing(), pytest.raises(ValueError, match="notrun"):
        store.finish(1, store.begin([1], 1, "cpu")[1], Result(Status.NOTRUN))


def test_the_schema_refuses_a_status_that_does_not_exist(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO attempts VALUES (1, 1, 1, '', '', '', 0, 0, 0, '', NULL, NULL)")


def test_numbers_that_are_not_finite_become_null(path: Path) -> None:
    with Store.open(path) as store:
        record(store, 1, Result(Status.FAILED, "diverged", measures={"val_loss": float("nan")}))
        assert store.final_results()[0][1].measures == {"val_loss": None}


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    with Store.open(path) as store:
        with pytest.raises(RuntimeError), store.writing():
            store.begin([1], 1, "cpu")
            raise RuntimeError
        assert store.attempts() == []


def test_every_commit_is_synchronised(path: Path) -> None:
    with Store.open(path) as store:
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_readers_and_the_writer_do_not_wait_for_each_other(path: Path) -> None:
    with Store.open(path) as writer, Store.open(path, readonly=True) as reader:
        reader._db.execute("BEGIN")
        assert reader.counts() == {"notrun": 3}
        with writer.writing():
            writer.begin([1], 1, "cpu")
            assert reader.counts() == {"notrun": 3}
        assert reader.counts() == {"notrun": 3}  # its transaction is still open
        reader._db.execute("COMMIT")
        assert reader.counts() == {"running": 1, "notrun": 2}


def test_a_reader_cannot_write(path: Path) -> None:
    with (
        Store.open(path, readonly=True) as store,
        pytest.raises(UserError, match="attempt to write a readonly database"),
        store.writing(),
    ):
        store.begin([1], 1, "cpu")


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_another_kind_of_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sweep.db").write_bytes(content)
    with pytest.raises(UserError, match="sweep.db: damaged"):
        Store.open(tmp_path / "sweep.db")


def test_no_file_is_one_line(tmp_path: Path) -> None:
    rule = "is no sweep's folder: it has no sweep.db; `make sweep-list` lists the sweeps"
    with pytest.raises(UserError, match=f"^{re.escape(f'{tmp_path}: {rule}')}$"):
        Store.open(tmp_path / "sweep.db")
    (tmp_path / "sweep.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="no such file; if it was lost, .make sweep-rebuild DIR="):
        Store.open(tmp_path / "sweep.db")


def test_another_schema_is_one_line(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
        db.commit()
    with pytest.raises(UserError, match="schema 99: must be 1"):
        Store.open(path)


def test_a_store_is_created_whole_or_not_at_all(tmp_path: Path) -> None:
    twins = [(trial(1), "", "a"), (trial(1), "", "b")]
    with pytest.raises(sqlite3.IntegrityError):
        Store.create(tmp_path / "sweep.db", header(), twins)
    assert not (tmp_path / "sweep.db").exists()
    Store.create(tmp_path / "sweep.db", header(), twins[:1])
    assert [item.name for item in tmp_path.iterdir()] == ["sweep.db"]


def test_a_full_disk_stops_with_one_line_and_a_store_that_opens(path: Path) -> None:
    with Store.open(path) as store:
        record(store, 1, PASSED)
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        large = Result(Status.PASSED, history=[{"epoch": n} for n in range(10_000)])
        with pytest.raises(DiskFullError, match="no space left") as error:
            record(store, 2, large)
        assert "\n" not in str(error.value)
    with Store.open(path) as store:
        assert store.final_results()[0][1] == PASSED
        assert store.states()[2] == "running"  # for the next runner to close


def test_when_a_sweep_began_is_stored(path: Path) -> None:
    with Store.open(path) as store:
        assert path.stat().st_mtime - 3600 < store.created <= path.stat().st_mtime + 1


def broken(path: Path, table: str) -> None:
    """Overwrite the first page of a table with noise."""
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (page,) = db.execute(query, (table,)).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x55" * size)


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize("table", ["attempts", "meta"])
def test_a_damaged_page_is_one_line_for_readers_and_the_writer(
    path: Path, table: str, readonly: bool
) -> None:
    broken(path, table)
    line = f"{path}: damaged .*malformed.*; `make sweep-rebuild DIR={path.parent}` makes it again"
    with pytest.raises(UserError, match=line):
        Store.open(path, readonly)


def test_a_record_that_is_no_trial_is_one_line(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE trials SET trial = ? WHERE number = 1", ('{"number": 1}',))
    with Store.open(path) as store, pytest.raises(UserError, match="sweep.db: damaged"):
        store.trials()


def test_a_store_that_was_deleted_is_said_to_be_gone(path: Path) -> None:
    with Store.open(path) as store:
        for file in path.parent.iterdir():
            file.rename(file.with_suffix(".kept"))
        with pytest.raises(UserError, match="gone while it was in use"), store.writing():
            store.begin([1], 1, "cpu")


CONTENTS = {
    "measures": '{"val_acc": "abc"}',
    "a huge number": '{"val_acc": 1' + "0" * 400 + "}",
    "no number": '{"val_acc": NaN}',
    "no object": "[1, 2]",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_result_that_is_none_is_one_line(path: Path, content: str) -> None:
    with Store.open(path) as store:
        record(store, 1, PASSED)
        text = '{"status": "passed", "measures": ' + content + "}"
        with store.writing():
            store._db.execute("UPDATE attempts SET result = ?", (text,))
    with Store.open(path) as store, pytest.raises(UserError, match="sweep.db: damaged"):
        store.final_results()


def test_names_out_of_a_store_stay_in_the_folder(path: Path) -> None:
    with Store.open(path) as store, store.writing():
        store._db.execute("UPDATE trials SET directory = '../' || directory")
    with Store.open(path) as store, pytest.raises(UserError, match="must name a folder within"):
        store.directories()
    planned = [(trial(1), "", "/tmp/out")]
    with pytest.raises(UserError, match="must name a folder within"):
        Store.create(path.with_name("other.db"), header(), planned)


def test_outcomes_are_the_results_without_their_history(path: Path) -> None:
    with Store.open(path) as store:
        record(store, 1, CRASHED, PASSED)
        record(store, 2, Result(Status.FAILED, "diverged", "not finite"))
        whole, lean = store.final_results(), store.outcomes()
        assert [(item, count) for item, _, count in lean] == [(i, n) for i, _, n in whole]
        assert [(r.status, r.measures) for _, r, _ in lean] == [
            (r.status, r.measures) for _, r, _ in whole
        ]
        assert [r.history for _, r, _ in lean] == [[], [], []]
        for broken in ("{", '{"measures": 7}', '{"measures": {"val_acc": "high"}}'):
            store._db.execute("UPDATE attempts SET result = ? WHERE trial = 1", (broken,))
            with pytest.raises(DamagedStoreError):
                store.outcomes()


def test_a_new_header_keeps_the_name_the_note_and_the_tags(path: Path) -> None:
    with Store.open(path) as store:
        with store.writing():
            store.set_naming(SweepNaming("first", "why"))
        with store.writing():
            store.set_header(PlanHeader(name="other", tags=["x"], settings={"A": "1"}))
        header = store.header
        assert (header.name, header.note, header.tags) == ("first", "why", None)
        assert header.settings == {"A": "1"}
        with store.writing():
            store.set_naming(SweepNaming(note="", tags=["paper"]))
        header = store.header
        assert (header.name, header.note, header.tags) == ("first", None, ["paper"])
