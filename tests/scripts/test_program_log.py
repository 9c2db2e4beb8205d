from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import espalier
from espalier.scripts import program_log


class Scalar:
    """As numpy's and torch's."""

    def item(self) -> float:
        return 0.5


def test_measures_are_appended_as_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_LOG", str(tmp_path / "log"))
    espalier.log(epoch=1, val_acc=Scalar())
    espalier.log(val_loss=float("nan"))
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert lines == ['{"epoch": 1, "val_acc": 0.5}', '{"val_loss": NaN}']


def test_outside_of_a_sweep_they_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ESPALIER_LOG", raising=False)
    monkeypatch.delenv("ESPALIER_CONFIG", raising=False)
    espalier.log(val_acc=0.5)
    assert capsys.readouterr().out == '{"val_acc": 0.5}\n'
    assert espalier.config() == {}


def test_symbols_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "symbols.json").write_text('{"WIDTH": 32, "NAME": "é"}', encoding="utf-8")
    monkeypatch.setenv("ESPALIER_CONFIG", str(tmp_path / "symbols.json"))
    assert espalier.config() == {"WIDTH": 32, "NAME": "é"}


def test_what_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_LOG", str(tmp_path / "log"))
    with pytest.raises(TypeError, match="is not a number"):
        espalier.log(val_acc=object())


def test_the_file_works_alone_beside_a_program_and_costs_no_torch(tmp_path: Path) -> None:
    shutil.copy(str(program_log.__file__), tmp_path / "espalier.py")
    program = "import espalier, sys; espalier.log(val_acc=0.5); print(*sys.modules)"
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    out = subprocess.check_output(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}",
        ],
        encoding="utf-8",
    )
    said, modules = out.splitlines()
    assert json.loads(said) == {"val_acc": 0.5}
    assert not {"torch", "numpy", "kconfiglib"} & {*modules.split()}
