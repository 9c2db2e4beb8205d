from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.store import locks
from espalier.store.locks import CHOICE, LOCK, NoLocksError, abandoned, choosing, locked, runner_of


@pytest.mark.parametrize(
    "code", [errno.ENOLCK, errno.ENOSYS, errno.EBADF, errno.EOPNOTSUPP, errno.EINVAL]
)
def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    system = str(locks.file_systems.of(tmp_path))
    for take, name in ((locked, LOCK), (choosing, CHOICE)):
        with pytest.raises(NoLocksError) as error, take(tmp_path):
            pass
        line = f"{tmp_path / name}: cannot be locked ({os.strerror(code)}) on {system}, so "
        assert str(error.value).startswith(line) and "--output-dir" in str(error.value)
    assert "gives no locks" in runner_of(tmp_path)  # and not that no runner has it


def test_what_is_locked_was_opened_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS locks nothing else exclusively."""
    seen: list[int] = []
    real = locks.fcntl.flock

    def noting(descriptor: int, operation: int) -> None:
        seen.append(locks.fcntl.fcntl(descriptor, locks.fcntl.F_GETFL) & os.O_ACCMODE)
        real(descriptor, operation)

    monkeypatch.setattr(locks.fcntl, "flock", noting)
    with choosing(tmp_path / "results"), locked(tmp_path / "results" / "sweep"):
        pass
    assert seen == [os.O_RDWR] * 2


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("all of it", encoding="utf-8")
    (tmp_path / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(UserError, match="must be a file that can be locked"), locked(tmp_path):
        pass
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "all of it"
    assert runner_of(tmp_path) == ""


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_cannot_be_locked(tmp_path: Path, make: object) -> None:
    make(tmp_path / LOCK)  # type: ignore[operator]
    with pytest.raises(UserError, match="must be a file that can be locked"), locked(tmp_path):
        pass
    runner_of(tmp_path)


def test_what_a_lock_says_is_shown_without_control_characters(tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / LOCK).write_bytes(b"\x1b[2Jprocess 1\xff\n" + b"x" * 9999)
        assert runner_of(tmp_path) == "?[2Jprocess 1\ufffd"
        (tmp_path / LOCK).write_bytes(b"")
        assert runner_of(tmp_path) == "another process"


def test_a_lock_that_was_swept_away_is_taken_again(tmp_path: Path) -> None:
    folder = tmp_path / "sweep_20260101_000000"
    folder.mkdir()
    holding, gone = threading.Event(), threading.Event()

    def sweep_away() -> None:
        with abandoned(folder) as free:
            assert free
            holding.set()
            gone.wait(10)
            (folder / LOCK).unlink()
            folder.rmdir()

    other = threading.Thread(target=sweep_away)
    other.start()
    holding.wait(10)
    threading.Timer(0.1, gone.set).start()
    with locked(folder):
        assert (folder / LOCK).is_file()
        with abandoned(folder) as free:
            assert not free
    other.join()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with (
        pytest.raises(UserError, match="cannot be a folder of results"),
        choosing(tmp_path / "file" / "results"),
    ):
        pass
