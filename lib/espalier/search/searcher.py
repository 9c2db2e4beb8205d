"""Searching a space of configurations within a budget of parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from espalier.analysis.rank import TrialResult
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.run.executor_choice import LOCAL, Placement
from espalier.search import api_words, distributions, guide_names, search_results, search_runs
from espalier.search.fixed_settings import SPLIT, conditions, positive, require_classes, seeds_of
from espalier.search.search_results import Key, SavedSearch, SearchResult
from espalier.search.search_runs import Means
from espalier.search.search_space import Proposal, SearchSpace
from espalier.search.trainable import TrainableFilter

Grid = Mapping[str, Any]


class HyperparameterSearcher:
    """Trains configurations of at most `max_params` parameters, and ranks them.

    Each is trained with several seeds, and ranked by its mean accuracy on validation samples. The
    test samples are read once, at the end of each run, and take no part in choosing.
    """

    def __init__(  # noqa: PLR0913, the first ten are the guide's
        self,
        dataset: str = "fashion-mnist",
        subset_size: int | None = None,
        max_params: int = 8000,
        n_epochs: int = 15,
        lr: float = 0.0005,
        weight_decay: float = 0.01,
        batch_size: int = 256,
        n_classes: int = 10,
        verbose: bool = True,
        min_param_ratio: float = 0.0,
        *,
        seeds: int | Sequence[int] = 3,
        sampler_seed: int = 0,
        output: str | Path | None = None,
        data_dir: str | Path | None = None,
        parallel: int = 0,
        new: bool = False,
        in_process: bool = False,
        placement: Placement = LOCAL,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Nothing is read or trained yet.

        `subset_size` training samples (None: all), `n_epochs` passes, `batch_size` samples a step.
        A configuration has `max_params` parameters at most (0: any number), and `min_param_ratio`
        of that at least: by default whatever is under the limit is within it.
        `seeds` are a number of them (1, 2, ...) or the seeds themselves, `sampler_seed` is that of
        the choice of configurations. Each search gets a folder in `output` (by default
        test_matrix_results in the current folder); data files are in `data_dir`. `parallel`, `new`,
        `in_process` and `placement` are those of `Means`. `settings` are further values by name or
        symbol. Raises UserError.
        """
        given = {
            "dataset": dataset,
            "subset_size": subset_size or 0,
            "max_params": max_params,
            "min_param_ratio": min_param_ratio if max_params else None,
            "n_epochs": n_epochs,
            "lr": lr,
            "batch_size": batch_size,
            "DATA_DIR": None if data_dir is None else str(Path(data_dir).absolute()),
            **(settings or {}),
        }
        symbols = Symbols(tree.parse())
        self.conditions = conditions(given, weight_decay, seeds, sampler_seed, symbols)
        require_classes(self.conditions.base["DATASET"], n_classes)
        self._means = Means(
            results=RESULTS if output is None else Path(output).absolute(),
            parallel=parallel,
            new=new,
            in_process=in_process,
            verbose=verbose,
            placement=placement,
        )
        self._results: dict[Key, SearchResult] = {}
        self._trials: list[TrialResult] = []
        self.left_out: list[str] = []
        """What of the grids searched did not fit, and why."""

    def grid_search(
        self, param_grid: Grid | Sequence[Grid], max_trials: int | None = None
    ) -> list[SearchResult]:
        """Train every feasible combination of a grid, or of several grids, best first.

        Lists are values, anything else is a constant. At most `max_trials` configurations, chosen
        at random if there are more. Combinations that differ only in what is off in them are one;
        those that do not fit the budget are listed. Raises UserError if none fits or none passes.
        """
        grids = [param_grid] if isinstance(param_grid, Mapping) else param_grid
        _require_lists(grids)
        first, *others = [self.space(grid) for grid in grids]
        first.require_feasible(others)
        trainable = TrainableFilter(self.conditions)
        feasible = (proposal for space in (first, *others) for proposal in self._feasible(space))
        every = list(filter(trainable, feasible))
        self._leave_out(trainable.left_out())
        trainable.require_some(every)
        count = len(every)
        if max_trials is not None:
            count = min(positive("max_trials", max_trials), count)
        places = Random(self.conditions.sampler_seed).sample(range(len(every)), count)
        self._say(f"grid search: {count} of {len(every)} feasible configurations")
        return self._search([every[place] for place in sorted(places)], self._seeds(grids))

    def random_search(self, param_distributions: Grid, n_trials: int = 50) -> list[SearchResult]:
        """Train `n_trials` different configurations drawn from the distributions, best first.

        See `espalier.search.distributions` for what they can be. What is drawn fits the budget:
        as if the space was drawn from and what does not fit rejected. Raises UserError if nothing
        fits or none passes.
        """
        space = self.space(param_distributions)
        space.require_feasible()
        random = Random(self.conditions.sampler_seed)
        trainable = TrainableFilter(self.conditions)
        drawn = space.sample(positive("n_trials", n_trials), random, trainable)
        self._leave_out(trainable.left_out())
        trainable.require_some(drawn)
        total = "infinitely many" if math.isinf(space.total) else f"{space.total:.0f}"
        self._say(f"random search: {len(drawn)} of {total} feasible configurations")
        return self._search(drawn, self._seeds([param_distributions]))

    def space(self, given: Grid) -> SearchSpace:
        """Return what of a grid or of distributions is feasible, without training it."""
        rest = {name: value for name, value in given.items() if not _is_seed(name)}
        self.conditions.require_searchable(rest)
        return SearchSpace(rest, self.conditions.base, self.conditions.symbols)

    def get_best_results(self, n: int = 5) -> list[SearchResult]:
        """Return the `n` best of everything this searcher has trained, best first."""
        return [
            result
            for result in search_results.sort_results(self._results.values())
            if result.passed
        ][:n]

    @property
    def failures(self) -> list[SearchResult]:
        """Configurations with a run that did not pass, with status and reason."""
        return [result for result in self._results.values() if not result.passed]

    def print_results(self, n: int = 5) -> None:
        """Print the `n` best as a table, and whatever did not pass or fit."""
        print(search_results.table(self.get_best_results(n)))
        for result in self.failures:
            print(f"{result.status}: {result.reason}: {dict(result.params)}")
        for line in self.left_out:
            print(line)

    @property
    def output(self) -> Path:
        """The folder of the results of all searches."""
        return self._means.results

    def save_results(self, path: str | Path) -> None:
        """Write everything this searcher has trained as JSON; `load_results` reads it."""
        origins = (item.result.provenance.data_fingerprint or "" for item in self._trials)
        config = self._trials[0].trial.config if self._trials else {}
        trials = search_results.sort_results(self._results.values())
        saved = SavedSearch(
            trials=trials,
            dataset=self.conditions.base["DATASET"],
            data_fingerprint=next(filter(None, origins), ""),
            budget=self.conditions.budget,
            split={name: config[name] for name in SPLIT if name in config},
            seeds=sorted({seed for item in trials for seed in item.seeds}),
            left_out=self.left_out,
        )
        search_results.save(saved, Path(path))

    def estimate_params(self, params: Grid | None = None, **named: Any) -> int:
        """Return the exact number of parameters of a configuration. Raises UserError."""
        space = SearchSpace(
            _constants({**(params or {}), **named}), self.conditions.unlimited, self._symbols
        )
        space.require_feasible()
        return next(space.every()).count

    def is_valid_config(self, params: Grid) -> bool:
        """Return whether a configuration fits budget and data. Raises UserError if it is bad."""
        return SearchSpace(_constants(params), self.conditions.base, self._symbols).total > 0

    @property
    def _symbols(self) -> Symbols:
        return self.conditions.symbols

    def _feasible(self, space: SearchSpace) -> list[Proposal]:
        """Return what of a grid is feasible; print and keep what is not."""
        self._leave_out(space.left_out())
        return list(space.every())

    def _leave_out(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.left_out.append(line)
            self._say(line)

    def _seeds(self, spaces: Sequence[Grid]) -> list[int]:
        """Return the seeds that a space lists, or as many as usual, drawn from its interval."""
        listed = [(name, grid[name]) for grid in spaces for name in grid if _is_seed(name)]
        if any(item != listed[0] for item in listed):
            raise UserError("parameter seed: differs between the grids; give all the same")
        if not listed:
            return list(self.conditions.seeds)
        values = distributions.whole_numbers(*listed[0])
        if not isinstance(values, range):
            return seeds_of(values)
        count = min(len(self.conditions.seeds), len(values))
        return seeds_of(Random(self.conditions.sampler_seed).sample(values, count))

    def _search(self, proposals: Sequence[Proposal], seeds: Sequence[int]) -> list[SearchResult]:
        planned = self.conditions.plan(proposals, seeds)
        self._leave_out(f"{drop['count']} left out: {drop['reason']}" for drop in planned.dropped)
        with api_words.translated():
            folder, trials = search_runs.run(planned, self._means)
        self._trials += trials
        results = search_results.collect(trials, proposals, self.conditions.decays(proposals))
        for key, result in results.items():
            before = self._results.get(key)
            if before is None or len(result.seeds) >= len(before.seeds):
                self._results[key] = result
        passed = [
            result for result in search_results.sort_results(results.values()) if result.passed
        ]
        if not passed:
            why = next(result.reason for result in results.values())
            raise UserError(f"{folder}: none of {len(results)} configurations passed: {why}")
        return passed

    def _say(self, line: str) -> None:
        if self._means.verbose:
            print(line)


def _require_lists(grids: Sequence[Grid]) -> None:
    if not grids:
        raise UserError("param_grid=[]: no grid; give one or more")
    for name, value in (item for grid in grids for item in grid.items()):
        if isinstance(value, (tuple, dict)):
            raise UserError(f"parameter {name}={value}: a grid takes lists; see random_search")


def _constants(params: Grid) -> Grid:
    return {name: [value] for name, value in params.items() if not _is_seed(name)}


def _is_seed(name: str) -> bool:
    return guide_names.NAMES.get(name, name) == guide_names.SEED
