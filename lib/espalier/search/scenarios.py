"""The searches that the guide describes: one call each, for any data set and budget.

The spaces are the guide's, in guide.toml. Where its numbers of inputs do not fit the budget, the
largest that does is taken; where even all inputs are too few, the numbers of dendrites are doubled
until the budget can be reached. On small data sets batches are smaller and resampling comes more
often (see `training_length`). Every run has one of the guide's seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espalier.core.errors import UserError
from espalier.search import api_words, training_length
from espalier.search.guide_names import GUIDE
from espalier.search.search_results import SearchResult, sort_results
from espalier.search.searcher import Grid, HyperparameterSearcher

SEEDS = (42, 123, 456, 789, 999)
FIRST_SEED = 1  # of a first phase: none of those that the second compares by
DENDRITES = "n_dendrites"
INPUTS = "n_dendrite_inputs"
STEPS = "steps_to_resample"
MOST = "max_params"
SHARE = 0.8  # of the budget that a network uses at least: what is smaller competes for another one
DOUBLINGS = 8

DATASETS: Mapping[str, str] = GUIDE["datasets"]
QUICK: Sequence[Grid] = GUIDE["quick"]
COMPARED: Mapping[str, Grid] = {grid["architecture"][0]: grid for grid in GUIDE["compared"]}
BROAD: Grid = GUIDE["broad"]
NEIGHBOURS = (-16, -8, 0, 8, 16)
BUDGETS = (2000, 4000, 6000, 8000, 10000)


def quick_prototype_search(
    max_params: int = 5000,
    dataset: str = DATASETS["quick"],
    *,
    n_epochs: int = 8,
    max_trials: int = 12,
    **options: Any,
) -> SearchResult:
    """Return the best of a small grid, with somas and without: a first look.

    `options` are those of the searcher; of `seeds` as many of the guide's, or those that are
    given. Raises UserError.
    """
    usual = {"batch_size": 512, "n_epochs": n_epochs, **options}
    scenario = Scenario(max_params, dataset, usual)
    return scenario.searcher.grid_search(list(map(scenario.fit_to_budget, QUICK)), max_trials)[0]


def optimize_for_budget(
    max_params: int = 8000,
    dataset: str = DATASETS["other"],
    n_trials: int = 50,
    *,
    save: str | Path | None = None,
    **options: Any,
) -> SearchResult:
    """Return the best of random configurations whose ranges depend on the budget.

    Everything that was trained is written to `save`, by default
    `budget_<max_params>_<dataset>_results.json` in the folder of the results. `options` as for
    `quick_prototype_search`.
    """
    scenario = Scenario(max_params, dataset, {"n_epochs": 10, **options})
    results = scenario.searcher.random_search(
        scenario.fit_to_budget(budget_space(max_params)), n_trials
    )
    name = f"budget_{max_params}_{dataset}_results.json"
    scenario.searcher.save_results(save or scenario.searcher.output / name)
    return results[0]


def compare_architectures(
    max_params: int = 8000,
    dataset: str = DATASETS["other"],
    *,
    max_trials: int = 15,
    **options: Any,
) -> dict[str, SearchResult]:
    """Return by architecture the best of a grid of its own, at the same budget.

    The best of more configurations is better by chance alone, so each has at most `max_trials`.
    `options` as for `quick_prototype_search`.
    """
    usual = {"n_epochs": 12, "min_param_ratio": 0.75, **options}
    scenario = Scenario(max_params, dataset, usual)
    return {
        name: scenario.searcher.grid_search(scenario.fit_to_budget(grid), max_trials)[0]
        for name, grid in COMPARED.items()
    }


def thorough_optimization(
    max_params: int = 8000,
    dataset: str = DATASETS["other"],
    *,
    n_trials: int = 40,
    **options: Any,
) -> SearchResult:
    """Return the best of a broad search with one seed, then of the neighbourhood of its best three.

    The neighbours have more or fewer inputs a dendrite and are trained with all seeds, five by
    default; only they are compared in the end, and by other seeds than the first phase had: its
    winners were lucky with that one. `options` as for `quick_prototype_search`.
    """
    usual = {"n_epochs": 20, "min_param_ratio": 0.85, "seeds": len(SEEDS), **options}
    scenario = Scenario(max_params, dataset, usual)
    broad = {
        **scenario.fit_to_budget(BROAD),
        "seed": FIRST_SEED if FIRST_SEED not in guide_seeds(usual["seeds"]) else 0,
    }
    best = scenario.searcher.random_search(broad, n_trials)[:3]
    return scenario.searcher.grid_search([_neighbourhood(result.params) for result in best])[0]


def find_pareto_optimal(
    budgets: Sequence[int] = BUDGETS,
    dataset: str = DATASETS["other"],
    *,
    n_trials: int = 20,
    **options: Any,
) -> list[SearchResult]:
    """Return the front of accuracy over parameters of searches for several budgets.

    Sorted by parameters; what counts is the validation accuracy. `options` as for
    `quick_prototype_search`.
    """
    results: list[SearchResult] = []
    for budget in budgets:
        scenario = Scenario(budget, dataset, {"n_epochs": 10, **options})
        results += scenario.searcher.random_search(
            scenario.fit_to_budget(budget_space(budget)), n_trials
        )
    return front(results)


def front(results: Sequence[SearchResult]) -> list[SearchResult]:
    """Return the non-dominated of `results`, fewest parameters first."""
    best: list[SearchResult] = []
    for result in sorted(sort_results(results), key=lambda item: item.total_params):
        if not best or (result.val_accuracy or 0.0) > (best[-1].val_accuracy or 0.0):
            best.append(result)
    return best


def budget_space(max_params: int) -> Grid:
    """Return the guide's distributions for a budget."""
    spaces = (
        part["space"] for part in GUIDE["by_budget"] if max_params <= part.get(MOST, max_params)
    )
    return dict(next(spaces))


def guide_seeds(seeds: int | Sequence[int]) -> Sequence[int]:
    """Return so many of the guide's seeds, or those given. Raises UserError."""
    if not isinstance(seeds, int):
        return seeds
    if not 0 < seeds <= len(SEEDS):
        raise UserError(f"seeds={seeds}: must be in 1..{len(SEEDS)}, or a list of seeds")
    return SEEDS[:seeds]


class Scenario:
    """A searcher whose batches suit the data, and spaces that suit both."""

    def __init__(self, max_params: int, dataset: str, options: Mapping[str, Any]) -> None:
        """`options` are the searcher's. Raises UserError, also if the data cannot be read."""
        given = {
            "batch_size": 256,
            "min_param_ratio": SHARE,
            **options,
            "seeds": guide_seeds(options.get("seeds", 3)),
        }
        self.searcher = HyperparameterSearcher(dataset, max_params=max_params, **given)
        with api_words.translated():
            self._samples = training_length.training_samples(self.searcher.conditions)
        size = training_length.batch_size(given["batch_size"], self._samples)
        if size < given["batch_size"]:
            given["batch_size"] = size
            self.searcher = HyperparameterSearcher(dataset, max_params=max_params, **given)

    def fit_to_budget(self, grid: Grid) -> Grid:
        """Return `grid` with dendrites doubled until something fits the budget.

        Not at all if nothing ever does: the search then says what can be reached.
        """
        steps = training_length.resampling_steps(
            grid[STEPS], self.searcher.conditions, self._samples
        )
        for doublings in range(DOUBLINGS):
            wider = {**grid, STEPS: steps, DENDRITES: _times(grid[DENDRITES], 2**doublings)}
            if self.searcher.space(wider).total:
                return wider
        return grid


def _times(values: Sequence[int] | Mapping[str, Any], factor: int) -> Any:
    """Return the values of a list, or the ends of a range, so many times as large."""
    if isinstance(values, Mapping):
        return {**values, "low": values["low"] * factor, "high": values["high"] * factor}
    return [value * factor for value in values]


def _neighbourhood(params: Mapping[str, Any]) -> dict[str, Any]:
    inputs = [params[INPUTS] + step for step in NEIGHBOURS if params[INPUTS] + step > 0]
    return {**{name: [value] for name, value in params.items()}, INPUTS: inputs}
