from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from fake_sweep import HERE, created, request, trial

from espalier.core.errors import UserError
from espalier.run import launch
from espalier.store.locks import LOCK, locked
from espalier.store.results_dir import STORE, SweepDir, new_sweep_path, remove_unfinished
from espalier.store.sweep_files import METRICS, SWEEP, TRIALS

TRIALS_OF_TWO = [trial(1), trial(2)]


def draft(results: Path, name: str = "sweep_20260101_000000") -> Path:
    """A folder as a runner leaves it that is killed, or still there, while it writes its store."""
    folder = results / name
    folder.mkdir(parents=True)
    (folder / f".{STORE}.1.db").write_bytes(b"half")
    (folder / LOCK).touch()
    return folder


def test_a_store_in_the_making_is_left_to_its_runner(tmp_path: Path) -> None:
    folder = draft(tmp_path)
    with locked(folder):
        remove_unfinished(tmp_path)
        assert (folder / f".{STORE}.1.db").exists()
    remove_unfinished(tmp_path)
    assert not folder.exists()


def test_a_named_folder_leaves_the_other_results_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are locked by nobody then."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    folder = draft(tmp_path / "results")
    launch.run(request(tmp_path / "results", TRIALS_OF_TWO, output=tmp_path / "mine"))
    assert (folder / f".{STORE}.1.db").exists()
    assert {LOCK, STORE, SWEEP, TRIALS} <= {path.name for path in (tmp_path / "mine").iterdir()}


def test_what_is_not_ours_to_sweep_away_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = draft(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    remove_unfinished(tmp_path)
    assert folder.exists()


def test_links_out_of_a_sweep_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = created(request(tmp_path / "results", TRIALS_OF_TWO))
    (tmp_path / "outside").mkdir()
    sweep = SweepDir(folder)
    sweep.directory(1).symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match="out of the sweep's folder"):
        sweep.prepare(1)
    (sweep.prepare(2) / "output.log").symlink_to(tmp_path / "outside" / "profile")
    with pytest.raises(UserError, match="out of the sweep's folder"):
        sweep.prepare(2)
    sweep.close()
    with pytest.raises(UserError, match="out of the sweep's folder"):
        launch.run(request(tmp_path / "results", TRIALS_OF_TWO))
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"attempts": []}', "\ufeff{", "[" * 100_000])
def test_files_that_cannot_be_read_are_written_again(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    wish = request(tmp_path, TRIALS_OF_TWO, parallel=1)
    launch.run(wish)
    files = sorted(tmp_path.glob(f"sweep_*/*/{METRICS}"))
    before = files[0].read_text(encoding="utf-8")
    files[0].write_text(text, encoding="utf-8")
    launch.run(wish)
    assert files[0].read_text(encoding="utf-8") == before


def test_a_name_is_part_of_the_folders_name_and_stays_within_it(tmp_path: Path) -> None:
    plain, named = (new_sweep_path(tmp_path, name, now=0) for name in (None, "first-try"))
    assert named == plain.with_name(f"{plain.name}_first-try")
    named.mkdir()
    again = new_sweep_path(tmp_path, "first-try", now=0)
    assert again.name == f"{named.name}_2"
    for name in ("../out", "a/b", "a\n", ""):  # as a stranger's store may have it
        with pytest.raises(UserError, match="NAME=.*: must be letters a-z"):
            new_sweep_path(tmp_path, name)


def test_what_is_left_of_a_named_sweep_is_removed_too(tmp_path: Path) -> None:
    folder = draft(tmp_path, "sweep_20260101_000000_first-try")
    remove_unfinished(tmp_path)
    assert not folder.exists()
