"""The guide's scenarios on digits, cut down to seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.search import scenarios
from espalier.search.search_results import SearchResult

SHORT = {"n_epochs": 2, "lr": 0.005, "seeds": 1, "in_process": True, "verbose": False}
EVERY = ["dendritic_simple", "soma_disabled", "dendritic_with_hidden"]


def test_quick(tmp_path: Path) -> None:
    result = scenarios.quick_prototype_search(
        2000, "digits", max_trials=3, output=tmp_path, **SHORT
    )
    assert 1600 <= result.total_params <= 2000
    assert result.seeds == [42]
    assert result.params["architecture"] == "dendritic_simple"
    assert result.test_accuracy is not None and result.test_accuracy > 0.5


def test_quick_has_somas_and_none(tmp_path: Path) -> None:
    made = scenarios.Scenario(2000, "digits", {**SHORT, "output": tmp_path})
    spaces = [made.searcher.space(made.fit_to_budget(grid)) for grid in scenarios.QUICK]
    somas = [next(space.every()).params["soma_enabled"] for space in spaces]
    assert somas == [True, False]


def test_budget_writes_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = scenarios.optimize_for_budget(1000, "digits", 3, output=tmp_path, **SHORT)
    assert 800 <= result.total_params <= 1000
    saved = json.loads((tmp_path / "budget_1000_digits_results.json").read_text(encoding="utf-8"))
    assert len(saved["trials"]) == 3
    assert saved["trials"][0]["params"] == result.params


def test_compare_has_a_row_for_each(tmp_path: Path) -> None:
    result = scenarios.compare_architectures(2000, "digits", max_trials=2, output=tmp_path, **SHORT)
    assert list(result) == EVERY
    assert [item.params["architecture"] for item in result.values()] == EVERY
    assert all(1500 <= item.total_params <= 2000 and item.passed for item in result.values())


def test_thorough_ends_with_the_neighbours_and_all_seeds(tmp_path: Path) -> None:
    short = {**SHORT, "seeds": 2}
    result = scenarios.thorough_optimization(1000, "digits", n_trials=4, output=tmp_path, **short)
    assert result.seeds == [42, 123]
    assert 850 <= result.total_params <= 1000


def test_pareto_is_sorted_and_not_dominated(tmp_path: Path) -> None:
    short = {**SHORT, "n_trials": 2}
    result = scenarios.find_pareto_optimal((300, 1000), "digits", output=tmp_path, **short)
    sizes = [item.total_params for item in result]
    scores = [item.val_accuracy for item in result]
    assert sizes == sorted(set(sizes))
    assert scores == sorted(set(scores))
    assert len(result) >= 2


def result(params: int, accuracy: float) -> SearchResult:
    return SearchResult({}, accuracy, None, params, 1.0, None, accuracy)


def test_front_by_hand() -> None:
    every = [
        result(300, 0.8),
        result(100, 0.5),
        result(200, 0.9),
        result(100, 0.6),
        result(400, 0.9),
    ]
    front = scenarios.front(every)
    assert [(item.total_params, item.val_accuracy) for item in front] == [(100, 0.6), (200, 0.9)]


@pytest.mark.parametrize("budget", [500, 2000, 8000])
def test_all_spaces_reach_their_budget_on_digits(tmp_path: Path, budget: int) -> None:
    options = {**SHORT, "min_param_ratio": 0.75, "output": tmp_path}
    made = scenarios.Scenario(budget, "digits", options)
    for grid in (*scenarios.COMPARED.values(), scenarios.budget_space(budget), scenarios.BROAD):
        assert made.searcher.space(made.fit_to_budget(grid)).total > 0


def test_small_data_gets_small_batches_and_early_resampling(tmp_path: Path) -> None:
    made = scenarios.Scenario(2000, "digits", {**SHORT, "batch_size": 512, "output": tmp_path})
    # 1,442 samples less 216 for validation; 1,226 // 64
    assert made.searcher.conditions.base["BATCH_SIZE"] == "19"
    steps = made.fit_to_budget(scenarios.BROAD)["steps_to_resample"]
    assert steps == [2 * 65 // 8]  # two epochs of 65 updates


def test_seeds_are_the_guides() -> None:
    assert list(scenarios.guide_seeds(2)) == [42, 123]
    assert list(scenarios.guide_seeds([5])) == [5]
    with pytest.raises(UserError, match="seeds=9: must be in 1..5"):
        scenarios.guide_seeds(9)


def test_what_nothing_fits_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no configuration has 16 to 20 parameters"):
        scenarios.optimize_for_budget(20, "digits", output=tmp_path, **SHORT)
