from __future__ import annotations

from pathlib import Path

import pytest

from espalier.__main__ import main


def test_it_compares_what_was_saved_last_with_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, epochs in ((".config.old", 1), (".config", 2), ("other", 3)):
        Path(name).write_text(f"CONFIG_NUM_EPOCHS={epochs}\n", encoding="utf-8")
    assert main(["diffconfig"]) == 0
    assert capsys.readouterr().out == " NUM_EPOCHS 1 -> 2\n"
    assert main(["diffconfig", "--to", "other"]) == 0
    assert capsys.readouterr().out == " NUM_EPOCHS 1 -> 3\n"
