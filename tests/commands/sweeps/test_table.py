from __future__ import annotations

from pathlib import Path

import pytest
from given_variables import give
from stored_sweeps import stored
from trial_results import sweep

from espalier.__main__ import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    values = {"0.8": [96.0, 96.2, 96.1], "0.9": [98.0, 98.1, 98.2]}
    return stored(tmp_path / "sweep_1", sweep(values))


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("markdown", "| 0.9 | 3 | **98.10 ± 0.25** | 90.00 | 70.0 |"),
        ("latex", r"    0.9 & 3 & \textbf{98.10 $\pm$ 0.25} & 90.00 & 70.0 \\"),
        ("csv", "1,config_004,config_004,3,3,0.9,val_acc,98.1"),
    ],
)
def test_each_format(
    form: str, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table", "--dir", str(folder), "--format", form]) == 0
    assert line in capsys.readouterr().out


def test_variables_of_make(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder.parent / "table.tex"
    variables = {"DIR": str(folder), "FORMAT": "latex", "OUT": str(out), "RANK_BY": "val_acc:min"}
    give(monkeypatch, **variables)
    assert main(["table"]) == 0
    assert capsys.readouterr().out == f"Wrote {out}\n"
    assert r"\textbf{96.10 $\pm$ 0.25}" in out.read_text(encoding="utf-8")


def test_best_per(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "--dir", str(folder), "--best-per", "ADAMWPRUNE_BETA1"]) == 0
    assert "| 0.9 | **98.10 ± 0.25** (n=3) |" in capsys.readouterr().out


def test_bad_input_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["table", "--dir", str(folder)]
    assert main([*given, "--format", "html"]) == 2
    assert main([*given, "--by", "val_ac"]) == 2
    assert main([*given, "--top", "0"]) == 2
    assert main([*given, "--out", str(tmp_path / "no" / "t.tex")]) == 2
    assert main([*given, "--out", str(tmp_path)]) == 2
    assert main(["table", "--dir", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = [line.removeprefix("error: ") for line in shown.err.splitlines()]
    assert [line.partition(";")[0] for line in lines] == [
        "--format html: must be one of csv, markdown, latex",
        "RANK_BY=val_ac: no trial has val_ac",
        "--top 0: must be an integer of at least 1",
        f"OUT={tmp_path / 'no' / 't.tex'}: {tmp_path / 'no'} is no folder",
        f"OUT={tmp_path}: is a folder",
        f"{tmp_path}: is no sweep's folder: it has no sweep.db",
    ]


def test_it_changes_nothing_of_the_sweep(folder: Path) -> None:
    before = (folder / "sweep.db").read_bytes()
    assert main(["table", "--dir", str(folder)]) == 0
    assert (folder / "sweep.db").read_bytes() == before
    assert [path for path in folder.iterdir() if not path.name.startswith("sweep.db")] == []
