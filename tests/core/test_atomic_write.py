"""A file that is written is there whole or not at all, and on the disk if that was asked for."""

import os
import stat
from pathlib import Path

import pytest

from espalier.core.atomic_write import atomic_write, draft


def test_the_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("one", "two\n"):
        atomic_write(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")

    def write_half() -> None:
        with draft(path) as place:
            place.write_text("ne", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_is_hidden_beside_its_place_and_ends_as_it_does(tmp_path: Path) -> None:
    with draft(tmp_path / "plot.png") as place:
        place.touch()
        assert place.parent == tmp_path
        assert place.name.startswith(".plot.png.")
        assert place.suffix == ".png"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "none" / "a.json", "")


@pytest.mark.parametrize(("sync", "kinds"), [(False, []), (True, ["file", "folder"])])
def test_file_and_name_are_synced_when_asked(
    sync: bool, kinds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append("folder" if folder else "file")

    monkeypatch.setattr(os, "fsync", fsync)
    atomic_write(tmp_path / "a.json", "text", sync)
    assert synced == kinds


def test_a_file_may_have_a_time_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic_write(path, "one", moment=1_500_000_000)
    assert path.stat().st_mtime_ns == 1_500_000_000
    atomic_write(path, "two", moment=10**30)  # no file system has such a time
    assert path.read_text(encoding="utf-8") == "two"
