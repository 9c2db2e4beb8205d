"""Differences of two configuration files."""

from __future__ import annotations

import pytest

from espalier.__main__ import run
from espalier.core.errors import UserError


def test_gone_changed_and_added(tmp_path, capsys):
    (tmp_path / "old").write_text(
        'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="0.1"\nCONFIG_D="1"\n', encoding="utf-8"
    )
    (tmp_path / "new").write_text(
        "# a comment\nCONFIG_B=y\nCONFIG_C=0.2\nCONFIG_D=1\nCONFIG_E=5\n", encoding="utf-8"
    )
    assert run(["config", "diffconfig", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out == "-A y\n B n -> y\n C 0.1 -> 0.2\n+E 5\n"


def test_equal_files_have_no_difference(tmp_path, capsys):
    (tmp_path / "a").write_text("CONFIG_A=y\n", encoding="utf-8")
    assert run(["config", "diffconfig", *[str(tmp_path / "a")] * 2]) == 0
    assert capsys.readouterr().out == ""


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="gone: No such file"):
        run(["config", "diffconfig", *[str(tmp_path / "gone")] * 2])


def test_two_files_are_needed():
    with pytest.raises(UserError, match="make diffconfig FROM="):
        run(["config", "diffconfig", "one"])
