"""Readers of any permission see what is committed, whoever writes and on whatever file system."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_sweep import header, trial

from espalier.core.errors import UserError
from espalier.core.trial import Result, Status
from espalier.store import connections, file_systems
from espalier.store.connections import LONGEST
from espalier.store.results_dir import STORE, check_path
from espalier.store.store import Store

NOBODY = 65534
COUNT = (
    "import os, sys; from pathlib import Path; from espalier.store.store import Store\n"
    f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    "with Store.open(Path(sys.argv[1]), readonly=True) as store:\n"
    "    print(len(store.attempts()))\n"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder below folders that everybody may enter, as those of pytest are not."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


@pytest.fixture
def store(shared: Path) -> Path:
    trials = [(trial(n), "", f"t{n}") for n in (1, 2, 3)]
    Store.create(shared / STORE, header(), trials)
    return shared / STORE


def another_user(path: Path) -> str:
    """Count the attempts as a user who may not write."""
    command = [sys.executable, "-P", "-c", COUNT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip()


def attempt(store: Store, number: int) -> None:
    with store.writing():
        store.finish(number, store.begin([number], 1, "cpu")[number], Result(Status.PASSED))


def without_index(path: Path, logged: bool) -> None:
    """Leave a store as a killed runner does, or as a copy does that lacks the index."""
    with Store.open(path) as writer:
        attempt(writer, 1)
    if logged:
        with Store.open(path) as writer:
            attempt(writer, 2)
            for name in (path, Path(f"{path}-wal")):
                shutil.copy(name, f"{name}.kept")
        for name in (path, Path(f"{path}-wal")):
            Path(f"{name}.kept").rename(name)


@as_root
@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_another_user_sees_what_a_live_runner_has_committed(store: Path, mode: int) -> None:
    store.parent.chmod(mode)
    with Store.open(store) as writer:
        attempt(writer, 1)
        assert another_user(store) == "1"
        attempt(writer, 2)
        assert another_user(store) == "2"
    assert another_user(store) == "2"
    assert [path.name for path in store.parent.iterdir()] == [STORE]  # nothing that would block us
    with Store.open(store) as writer:
        attempt(writer, 3)


@as_root
@pytest.mark.parametrize("logged", [True, False])
def test_another_user_sees_the_log_of_a_killed_runner(store: Path, logged: bool) -> None:
    without_index(store, logged)
    before = sorted(path.name for path in store.parent.iterdir())
    assert another_user(store) == ("2" if logged else "1")
    assert sorted(path.name for path in store.parent.iterdir()) == before


@pytest.mark.parametrize("logged", [True, False])
def test_a_copy_has_the_log(
    store: Path, logged: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_index(store, logged)
    monkeypatch.setattr(connections, "_may_make_index", lambda path: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Store.open(store, readonly=True) as reader:
        assert len(reader.attempts()) == (2 if logged else 1)
        assert list(tmp_path.iterdir()) != []
    assert list(tmp_path.iterdir()) == []


def test_a_copy_made_while_the_file_changes_is_made_again(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = []

    def changing(source: str, target: str) -> None:
        Path(target).write_bytes(Path(source).read_bytes())
        if source == str(store) and not copies.count(source):
            with Store.open(store) as writer:  # checkpoints its log when it closes
                attempt(writer, 1)
        copies.append(source)

    monkeypatch.setattr(connections, "_may_make_index", lambda path: False)
    monkeypatch.setattr(connections.shutil, "copyfile", changing)
    with Store.open(store, readonly=True) as reader:
        assert len(reader.attempts()) == 1
    assert copies.count(str(store)) > 1


def mounted(path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the folder look as if a file system were mounted there."""
    mount = str(path.resolve()).replace(" ", "\\040")
    lines = f"1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {mount} rw shared:1 - {kind} host:/x rw\n"
    (path / "mounts").write_text(lines, encoding="utf-8")
    monkeypatch.setattr(file_systems, "MOUNTS", path / "mounts")


@pytest.mark.parametrize(
    ("kind", "journal"),
    [("nfs4", "delete"), ("fuse.sshfs", "delete"), ("lustre", "delete"), ("xfs", "wal")],
)
def test_the_journal_suits_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, journal: str
) -> None:
    place = tmp_path / "a b"
    place.mkdir()
    Store.create(place / "before.db", header(), [(trial(1), "", "a")])  # on a local disk
    mounted(place, kind, monkeypatch)
    Store.create(place / STORE, header(), [(trial(1), "", "a")])
    for name in (STORE, "before.db"):
        with Store.open(place / name) as store:
            assert store._db.execute("PRAGMA journal_mode").fetchone() == (journal,)
            with Store.open(place / name, readonly=True) as reader:
                attempt(store, 1)
                assert len(reader.attempts()) == 1


def test_a_commit_waits_for_a_reader_where_there_is_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(tmp_path, "nfs4", monkeypatch)
    Store.create(tmp_path / STORE, header(), [(trial(1), "", "a")])
    with closing(sqlite3.connect(tmp_path / STORE, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM trials").fetchone()
        with Store.open(tmp_path / STORE) as store:
            waits = []

            def wait(seconds: float) -> None:
                waits.append(seconds)
                other.execute("COMMIT")

            monkeypatch.setattr("espalier.store.busy.time.sleep", wait)
            attempt(store, 1)
            assert len(waits) == 1 and len(store.attempts()) == 1


def test_a_path_that_sqlite_does_not_open_is_refused_before_there_is_a_folder(
    tmp_path: Path,
) -> None:
    short = tmp_path / ("d" * 200)
    longest = short / ("e" * (LONGEST - len(str(short)) - 1 - len("/sweep.db.-4194304.db")))
    longest.mkdir(parents=True)
    check_path(longest)
    Store.create(longest / STORE, header(), [(trial(1), "", "a")])
    Store.open(longest / STORE).close()
    with pytest.raises(UserError, match=f"a path of {LONGEST + 1} bytes: must be at most 504"):
        check_path(longest.with_name(longest.name + "e"))


def test_where_no_mounts_are_listed_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_systems, "MOUNTS", tmp_path / "none")
    assert not file_systems.of(tmp_path).network
