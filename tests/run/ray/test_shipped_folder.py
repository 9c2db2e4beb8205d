"""What of a folder of the user's travels, and how much may."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.run.ray import shipped_folder
from espalier.run.ray.shipped_folder import copy_folder, travelling

BEHIND = (
    *("test_matrix_results/sweep/x", "sweep_configs/config_001", ".git/HEAD", ".venv/bin/python"),
    *("__pycache__/a.pyc", "env/pyvenv.cfg", "env/bin/python", "old/sweep.db", "old/config/x"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train.py", "parts/data.csv", "parts/deep/x.txt", ".hidden_file", *BEHIND):
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1234")
    return tmp_path / "own"


def test_programs_travel_and_results_and_environments_stay(folder: Path, tmp_path: Path) -> None:
    copy_folder(folder, tmp_path / "copy", "CONFIG_SCRIPT_FOLDER")
    copied = sorted(
        p.relative_to(tmp_path / "copy").as_posix() for p in travelling(tmp_path / "copy")
    )
    assert copied == [".hidden_file", "parts/data.csv", "parts/deep/x.txt", "train.py"]


def test_links_are_followed_once(folder: Path) -> None:
    (folder / "again").symlink_to(folder)
    (folder / "other.py").symlink_to(folder / "train.py")
    names = [path.name for path in travelling(folder)]
    assert sorted(names) == [".hidden_file", "data.csv", "other.py", "train.py", "x.txt"]


@pytest.mark.parametrize("limit", ["LARGEST", "MOST_FILES"])
def test_too_much_is_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(shipped_folder, limit, 3)
    with pytest.raises(UserError, match=r"CONFIG_SCRIPT_FOLDER: .*/own holds more than .*DATA_DIR"):
        copy_folder(folder, tmp_path / "copy", "CONFIG_SCRIPT_FOLDER")
