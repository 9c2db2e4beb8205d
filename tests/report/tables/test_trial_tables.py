"""Tables of trials: what is there and readable, of the best configuration first."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import sweep

from espalier.core.errors import UserError
from espalier.report.report_request import USUAL
from espalier.report.reports import read_sweep
from espalier.report.tables import trial_tables
from espalier.report.tables.trial_tables import first_tables, open_folders, read_table


def number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: no number") from error


def test_the_first_readable_table_of_each_configuration(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", sweep({"0.85": [90.0, 91.0], "0.9": [95.0, 96.0]}))
    for name, text in {"config_001": "1", "config_003": "three", "config_004": "4"}.items():
        (folder / f"{name}_mlp").mkdir()
        (folder / f"{name}_mlp" / "t").write_text(text, encoding="utf-8")
    ranking = read_sweep(folder, USUAL).ranking
    tables = list(first_tables(ranking, open_folders(folder), "t", number))
    assert [(trial.trial.name, table) for _, trial, table in tables] == [
        ("config_004", 4),
        ("config_001", 1),
    ]


def test_what_is_no_table_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").write_text("12345", encoding="utf-8")
    assert read_table(tmp_path / "t", number) == 12345
    assert read_table(tmp_path / "gone", number) is None
    assert read_table(tmp_path, number) is None
    monkeypatch.setattr(trial_tables, "LARGEST", 4)
    assert read_table(tmp_path / "t", number) is None
