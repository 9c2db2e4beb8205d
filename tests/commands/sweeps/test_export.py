from __future__ import annotations

from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import ended, passed, trial

from espalier.__main__ import main
from espalier.commands.sweeps import export
from espalier.core.trial import Status
from espalier.report.exports.export_process import PYTHON


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = [passed(trial(1, 1), 98.0), passed(trial(2, 2), 97.0)]
    return stored(tmp_path / "sweep_1", [*results, ended(trial(3, 3), Status.NOTRUN)])


def test_csv_is_written_into_the_sweep(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--to", "csv", "--dir", str(folder)]) == 0
    place = folder / "exports" / "csv"
    assert capsys.readouterr().out == (
        f"Wrote {place}: trials.csv 3 rows, history.csv 0 rows, configurations.csv 1 rows; "
        "pandas reads all of it back with columns.json\n"
    )
    assert (place / "trials.csv").is_file()


@pytest.mark.skipif(not PYTHON.is_file(), reason="no trackers: make setup-trackers installs them")
def test_runs_are_written_where_out_says(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "STRIDE", 1)
    out = tmp_path / "a new" / "folder"
    words = ["export", "--to", "tensorboard", "--dir", str(folder), "--out", str(out)]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 of 2 runs",
        f"Wrote {out}: 2 runs, 2 new, 0 replaced, 0 unchanged",
        "Read back equal: every symbol, measure and history value",
        "Not in it: 1 trial that did not run to an end yet",
        f"To look at it: .venv/trackers/bin/tensorboard --logdir '{out}'",
    ]
    assert len(list(out.glob("sweep_1/config_001/*tfevents*"))) == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "export: missing option '--to' (env var: 'TO'); must be one of tensorboard, mlflow,"),
        (["--to", "excel"], "--to excel: must be one of tensorboard, mlflow, trackio"),
        (["--to", "csv", "--dir", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    error: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TO", raising=False)
    assert main(["export", *words]) == 2
    assert capsys.readouterr().err.startswith(f"error: {error}")


def test_a_file_in_the_place_of_the_folder_is_an_error(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").touch()
    words = ["export", "--to", "csv", "--dir", str(folder), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert capsys.readouterr().err == (
        f"error: OUT={tmp_path / 'out'}: is a file; OUT must name a folder\n"
    )
