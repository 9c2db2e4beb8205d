from __future__ import annotations

import json
from pathlib import Path

import pytest
from stored_sweeps import stored
from two_arms import two_arms

from espalier.__main__ import main


def compare(first: Path, second: Path, *arguments: str) -> int:
    return main(["sweep-compare", "--a", str(first), "--b", str(second), *arguments])


def test_two_sweeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = stored(tmp_path / "sweep_1", two_arms())
    second = stored(tmp_path / "sweep_2", two_arms())
    assert compare(first, second) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"A: {first}: 8 of 8 trials passed\nB: {second}: ")
    assert "Identical to the bit, but for times: 8 of 8 pairs of trials" in out
    assert compare(first, second, "--json", "--alpha", "0.1", "--by", "test_acc") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["identical"], record["alpha"], record["measure"]) == (8, 0.1, "test_acc")


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = stored(tmp_path / "sweep_1", two_arms())
    other = stored(tmp_path / "sweep_2", two_arms(), by="test_acc")
    assert main(["sweep-compare", "--a", str(sweep)]) == 2
    assert compare(sweep, tmp_path / "sweep_2" / ".." / "sweep_1") == 2
    assert compare(sweep, tmp_path / "nowhere") == 2
    assert compare(sweep, other) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2].partition(";")[0] for line in lines] == [
        "sweep-compare: give two folders of sweeps, as A=<folder> B=<folder>",
        f"A={sweep} and B={tmp_path / 'sweep_2' / '..' / 'sweep_1'}: are the same folder",
        f"{tmp_path / 'nowhere'}: no such folder",
        "the sweeps are ranked by val_acc and by test_acc",
    ]
