"""`python -m espalier search`: a scenario from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_data import write_folders

from espalier.__main__ import main


def test_a_scenario_prints_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "search --scenario budget --budget 500 --trials 2 --seeds 1 --epochs 1 --lr 0.01"
    place = ["--parallel", "1", "--output-dir", str(tmp_path)]
    assert main([*words.split(), *place]) == 0
    out = capsys.readouterr().out
    assert "random search: 2 of" in out
    assert "architecture=dendritic_simple" in out.splitlines()[-1]
    assert (tmp_path / "budget_500_digits_results.json").is_file()


def test_images_of_ones_own_are_searched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / "own pics")
    words = "search --dataset folder --budget 1000 --trials 1 --seeds 1 --epochs 1 --lr 0.01"
    place = ["--parallel", "1", "--output-dir", str(tmp_path), "--data-dir", str(tmp_path)]
    assert main([*words.split(), *place, "--set", 'FOLDER_PATH="own pics"']) == 0
    assert "1 of " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--scenario fast", "--scenario fast: must be one of quick, budget, compare, thorough, p"),
        ("--scenario quick --budget few", "--budget few: must be an integer above 0"),
        ("--scenario quick --budget 500,900", "--budget 500,900: must be one number"),
        ("--scenario pareto --budget 500,0", "--budget 0: must be an integer above 0"),
        ("--scenario quick --dataset digit", "did you mean digits?"),
        ("--set NUM_EPOCHS=1|2", "SET:1: CONFIG_NUM_EPOCHS=1|2: a search has one value for all"),
        ("--scenario quick --seeds 7", "seeds=7: must be in 1..5"),
        ("--scenario quick --budget 20", "no configuration has 16 to 20 parameters"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert main(["search", *words.split(), "--output-dir", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and said in err and err.count("\n") == 1
