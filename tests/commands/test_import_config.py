"""`import-config` writes to the terminal or into files, and says what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_presets import LENET5, MATRIX

from espalier.__main__ import main


def test_to_the_terminal_and_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preset, out = tmp_path / "preset", tmp_path / "out"
    preset.write_text(LENET5, encoding="utf-8")
    assert main(["import-config", str(preset)]) == 0
    shown = capsys.readouterr().out
    assert main(["import-config", str(preset), "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == shown
    assert capsys.readouterr().out == f"Wrote {out}\n"
    preset.write_text(MATRIX, encoding="utf-8")
    assert main(["import-config", str(preset), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"Wrote {out}-1\nWrote {out}-2\n"


def test_without_a_file_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import-config", ""]) == 2
    error = "error: FROM names no file; make import-config FROM=<preset>\n"
    assert capsys.readouterr().err == error


def test_the_preset_itself_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tmp_path / "preset"
    preset.write_text(LENET5, encoding="utf-8")
    assert main(["import-config", str(preset), "--out", str(tmp_path / "." / "preset")]) == 2
    rule = "is the preset that is read; OUT must name another file"
    assert capsys.readouterr().err == f"error: {preset}: {rule}\n"
    assert preset.read_text(encoding="utf-8") == LENET5
