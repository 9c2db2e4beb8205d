"""`growth-chain`: from a range file of candidates to grown networks, and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espalier.__main__ import main

CANDIDATES = """CONFIG_MODEL=blocks
CONFIG_BLOCKS_SIZES=""
CONFIG_BLOCKS_DENSITY=0.01|0.5
CONFIG_OPTIMIZER_SELECT_ADAM=y
CONFIG_LEARNING_RATE=0.01
CONFIG_NUM_EPOCHS=4
CONFIG_PACK=1
CONFIG_SEED=1|2|3
"""
GROWTH = """CONFIG_PRUNING_METHOD=indefinite
CONFIG_GROWTH_EVENTS=2
CONFIG_NUM_EPOCHS=2
"""


def test_a_chain_grows_to_its_budget_and_trains_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    candidates, growth = tmp_path / "candidates-range", tmp_path / "growth-range"
    candidates.write_text(CANDIDATES, encoding="utf-8")
    growth.write_text(GROWTH, encoding="utf-8")
    arguments = ["growth-chain", str(candidates), "--growth", str(growth), "--budget", "400"]
    arguments += ["--rungs", "1", "--output-dir", str(tmp_path / "results"), "--parallel", "1"]
    assert main(arguments) == 0
    sweeps = sorted((tmp_path / "results").glob("sweep_*"))
    (file,) = (tmp_path / "results").glob("chain_*/chain.json")
    first = file.read_text(encoding="utf-8")
    fresh, trained = json.loads(first)["arms"]
    assert json.loads(first)["edges"] == 320
    for arm in (fresh, trained):
        assert arm["live_edges"] == {"1": 400, "2": 400, "3": 400}
    better = (trained["val_acc"][seed] > fresh["val_acc"][seed] for seed in "123")
    assert sum(better) >= 2  # it has learnt for four epochs already
    capsys.readouterr()
    assert main(arguments) == 0
    assert sorted((tmp_path / "results").glob("sweep_*")) == sweeps
    assert file.read_text(encoding="utf-8") == first
    assert "began with BLOCKS_DENSITY=0.5: 320 live edges" in capsys.readouterr().out
    arguments[arguments.index("400")] = "320"
    assert main(arguments) == 2
    assert "BUDGET=320: must be above the 320 live edges" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--growth", "no-such-range"], "no-such-range: no such range file"),
        (["--growth", "defconfigs/digits-widening-range"], "leave it out: seeds and weights are"),
        (["--budget", "few"], "--budget few: must be an integer of at least 1"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["growth-chain", *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and said in err and err.count("\n") == 1
