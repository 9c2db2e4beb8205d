"""What a run would be refused for is left out before configurations are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.search import api_words
from espalier.search.searcher import HyperparameterSearcher
from espalier.search.trainable import TrainableFilter

GRID = {
    "n_neurons": [8, 10, 12],
    "n_dendrites": [4, 6, 8],
    "n_dendrite_inputs": [16, 32, 64],
    "synaptic_resampling": [True, False],
}
"""The guide's, with numbers of inputs that digits have."""
NEVER = "no resampling would come before step 75"


def searcher(tmp_path: Path, **options: object) -> HyperparameterSearcher:
    return HyperparameterSearcher("digits", output=tmp_path, verbose=False, **options)


def test_under_the_limit_is_within_the_limit(tmp_path: Path) -> None:
    """1,200 parameters, on a space that reaches 67 to 840."""
    space = {
        "architecture": ["dendritic_simple"],
        "n_neurons": [1, 10],
        "n_dendrites": [2],
        "n_dendrite_inputs": [22, 32],
    }
    made = searcher(tmp_path, max_params=1200)
    counts = sorted(proposal.count for proposal in made.space(space).every())
    # D I N + 2 D N + N of the dendrites and the somas, 10 N + 10 of the output
    assert counts == [sum((2 * i * n, 4 * n, n, 10 * n, 10)) for n in (1, 10) for i in (22, 32)]
    assert made.space(space).left_out() == []
    at_least = searcher(tmp_path, max_params=1200, min_param_ratio=0.8)
    with pytest.raises(UserError, match=f"reaches {counts[0]} to {counts[-1]}"):
        at_least.space(space).require_feasible()


def test_as_many_can_be_trained_as_were_wanted(tmp_path: Path) -> None:
    """75 updates are too few for an interval of 128, so only half of the grid is left."""
    made = searcher(tmp_path)
    trainable = TrainableFilter(made.conditions)
    kept = list(filter(trainable, made.space(GRID).every()))
    assert len(kept) == 27 and not any(item.params["synaptic_resampling"] for item in kept)
    (line,) = trainable.left_out()
    assert line.startswith(f"27 left out: {NEVER}")


def test_a_draw_that_cannot_be_trained_is_drawn_again(tmp_path: Path) -> None:
    made = searcher(tmp_path)
    made.random_search({**GRID, "n_epochs": [1]}, n_trials=1)
    (result,) = made.get_best_results()
    assert result.params["synaptic_resampling"] is False


def test_nothing_that_can_be_trained_is_an_error_with_the_reason(tmp_path: Path) -> None:
    only = {**GRID, "synaptic_resampling": [True]}
    with pytest.raises(UserError, match=f"no configuration of the space can be trained: {NEVER}"):
        searcher(tmp_path).grid_search(only, max_trials=2)
    with pytest.raises(UserError, match="no configuration of the space can be trained"):
        searcher(tmp_path).random_search(only, n_trials=2)


def test_advice_is_in_the_words_of_python(tmp_path: Path) -> None:
    missing = HyperparameterSearcher(
        "mnist", data_dir=tmp_path, output=tmp_path, verbose=False, in_process=True
    )
    space = {"n_neurons": [8], "n_dendrites": [4], "n_dendrite_inputs": [16]}
    with pytest.raises(UserError) as error:
        missing.grid_search(space)
    text = str(error.value)
    assert "give settings={'DOWNLOAD': 'y'}" in text and "data_dir=" in text
    assert "CONFIG_" not in text and "\n" not in text


@pytest.mark.parametrize(
    ("advice", "api"),
    [
        ("x: set CONFIG_A=y", "x: give settings={'A': 'y'}"),
        ("x: lower CONFIG_A_B (128) or", "x: lower settings={'A_B': ...} (128) or"),
        ("CONFIG_A=2: must be 1", "CONFIG_A=2: must be 1"),
    ],
)
def test_settings_become_arguments(advice: str, api: str) -> None:
    assert api_words.translate(advice) == api
