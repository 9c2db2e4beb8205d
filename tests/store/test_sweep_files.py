"""By what a folder is known as that of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.store.sweep_files import METRICS, SWEEP, TRIALS, has_sweep_files, metrics_files


def test_what_came_of_trials_is_in_their_folders_in_order(tmp_path: Path) -> None:
    for name in ("config_002", "config_001"):
        (tmp_path / name).mkdir()
        (tmp_path / name / METRICS).write_text("{}", encoding="utf-8")
    (tmp_path / "config_003" / METRICS).mkdir(parents=True)
    names = [file.parent.name for file in metrics_files(tmp_path)]
    assert names == ["config_001", "config_002"]
    assert metrics_files(tmp_path / "none") == []


@pytest.mark.parametrize("name", [SWEEP, TRIALS, f"config_001/{METRICS}"])
def test_any_file_of_a_sweep_tells_its_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    assert not has_sweep_files(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}", encoding="utf-8")
    assert has_sweep_files(tmp_path)
