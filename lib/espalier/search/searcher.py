"""Searching a space of configurations within a budget of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from espalier import component
from espalier.contracts import Dataset
from espalier.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.search import distributions, results, runs, vocabulary
from espalier.search.distributions import Listed
from espalier.search.results import Saved, SearchResult
from espalier.search.runs import Means
from espalier.search.space import Proposal, Space
from espalier.sweep import planning
from espalier.sweep.rank import Outcome

GIVEN = ("DATASET", "MAX_PARAMS", "MIN_PARAMS_SHARE", "VALIDATION_FRACTION", "SPLIT_SEED")
"""What makes results comparable: set once for a searcher, and not searched."""


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
        min_param_ratio: float = 0.8,
        *,
        seeds: int | Sequence[int] = 3,
        sampler_seed: int = 0,
        output: str | Path | None = None,
        data_dir: str | Path | None = None,
        parallel: int = 0,
        new: bool = False,
        in_process: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Nothing is read or trained yet.

        `subset_size` training samples (None: all), `n_epochs` passes, `batch_size` samples a step.
        A configuration has `min_param_ratio` of `max_params` parameters at least. `seeds` are a
        number of them (1, 2, ...) or the seeds themselves, `sampler_seed` that of the choice of
        configurations. Results go to a folder of their own in `output` (the checkout's results),
        data files are in `data_dir`. `parallel`, `new` and `in_process` are those of `Means`.
        `settings` are further values by name or symbol. Raises UserError.
        """
        self._symbols = Symbols(tree.parse())
        self._seeds = _seeds(seeds)
        self._sampler_seed, self._verbose = sampler_seed, verbose
        given = {
            "dataset": dataset,
            "subset_size": subset_size or 0,
            "max_params": max_params,
            "min_param_ratio": min_param_ratio if max_params else None,
            "n_epochs": n_epochs,
            "lr": lr,
            "batch_size": batch_size,
            "DATA_DIR": str(_folder(data_dir)) if data_dir is not None else None,
            **(settings or {}),
        }
        self._base = {**vocabulary.BASE, **self._texts(given)}
        self._weight_decay = self._texts({vocabulary.WEIGHT_DECAY: weight_decay}).popitem()[1]
        self._means = Means(
            **({} if output is None else {"results": _folder(output)}),
            parallel=parallel,
            new=new,
            in_process=in_process,
            verbose=verbose,
        )
        self._results: dict[frozenset[tuple[str, Any]], SearchResult] = {}
        self._outcomes: list[Outcome] = []
        self.left_out: list[str] = []
        """What of the spaces searched did not fit, and why."""
        self._check_classes(n_classes)

    def grid_search(
        self, param_grid: Mapping[str, Any], max_trials: int | None = None
    ) -> list[SearchResult]:
        """Train every feasible combination, best first; lists are values, others constants.

        At most `max_trials` configurations, chosen at random if there are more. Combinations that
        differ only in what is off in them are one; those that do not fit the budget are told.
        Raises UserError if none fits or none passes.
        """
        for name, value in param_grid.items():
            if isinstance(value, (tuple, dict)):
                raise UserError(f"parameter {name}={value}: a grid takes lists; see random_search")
        seeds, space = self._space(param_grid)
        whole = int(space.total)
        count = whole if max_trials is None else min(_positive("max_trials", max_trials), whole)
        places = sorted(Random(self._sampler_seed).sample(range(whole), count))
        self._say(f"grid search: {count} of {whole} feasible configurations")
        return self._search([space.at(place) for place in places], seeds)

    def random_search(
        self, param_distributions: Mapping[str, Any], n_trials: int = 50
    ) -> list[SearchResult]:
        """Train `n_trials` different configurations drawn from the distributions, best first.

        See `espalier.search.distributions` for what they can be. What is drawn fits the budget:
        as if the space was drawn from and what does not fit rejected. Raises UserError if nothing
        fits or none passes.
        """
        seeds, space = self._space(param_distributions)
        drawn = space.sample(_positive("n_trials", n_trials), Random(self._sampler_seed))
        self._say(f"random search: {len(drawn)} of {space.total:g} feasible configurations")
        return self._search(drawn, seeds)

    def get_best_results(self, n: int = 5) -> list[SearchResult]:
        """The `n` best of everything this searcher has trained, best first."""
        return [one for one in results.ordered(self._results.values()) if one.passed][:n]

    @property
    def failures(self) -> list[SearchResult]:
        """Configurations with a run that did not pass, with status and reason."""
        return [one for one in self._results.values() if not one.passed]

    def print_results(self, n: int = 5) -> None:
        """Print the `n` best as a table, and how many others did not pass or fit."""
        print(results.table(self.get_best_results(n)))
        for one in self.failures:
            print(f"{one.status}: {one.reason} {dict(one.params)}")
        for line in self.left_out:
            print(line)

    def save_results(self, path: str | Path) -> None:
        """Write everything this searcher has trained as JSON; `load_results` reads it."""
        print_of = next((o.result.provenance for o in self._outcomes if o.result.provenance), {})
        names = ("VALIDATION_FRACTION", "SPLIT_SEED", "TRAIN_SUBSET")
        config = self._outcomes[0].trial.config if self._outcomes else {}
        saved = Saved(
            trials=results.ordered(self._results.values()),
            dataset=self._base["DATASET"],
            data_fingerprint=str(print_of.get("data_fingerprint", "")),
            budget={
                "max_params": int(self._base["MAX_PARAMS"]),
                "min_param_ratio": float(self._base.get("MIN_PARAMS_SHARE", 0)),
            },
            split={name: config[name] for name in names if name in config},
            seeds=sorted({seed for one in self._results.values() for seed in one.seeds}),
            left_out=self.left_out,
        )
        results.save(saved, Path(path))

    def estimate_params(self, params: Mapping[str, Any] | None = None, **named: Any) -> int:
        """The exact number of parameters of a configuration. Raises UserError for a bad one."""
        return self._counted({**(params or {}), **named}, limited=False)[0].count

    def is_valid_config(self, params: Mapping[str, Any]) -> bool:
        """Whether a configuration fits the budget and the data. Raises UserError for a bad one."""
        return bool(self._counted(params, limited=True))

    def _counted(self, params: Mapping[str, Any], limited: bool) -> list[Proposal]:
        rest = {name: value for name, value in params.items() if not _is_seed(name)}
        constants = {name: [value] for name, value in rest.items()}
        base = self._base if limited else {**self._base, "MAX_PARAMS": "0"}
        space = Space(constants, base, self._symbols)
        found = list(space.every())
        if not found and not limited:
            space.require_feasible()
        return found

    def _space(self, given: Mapping[str, Any]) -> tuple[list[int], Space]:
        """The seeds and the space of one search; what does not fit is told and kept."""
        rest = {name: value for name, value in given.items() if not _is_seed(name)}
        drawn = [self._drawn_seeds(name, given[name]) for name in given if _is_seed(name)]
        for name in rest:
            self._check_searchable(name, rest)
        space = Space(rest, self._base, self._symbols)
        space.require_feasible()
        for line in space.left_out():
            self.left_out.append(line)
            self._say(line)
        return drawn[0] if drawn else self._seeds, space

    def _drawn_seeds(self, name: str, given: Any) -> list[int]:
        """Seeds that are listed, or as many as the searcher has, drawn from an interval."""
        law = distributions.read(name, given, whole=True)
        assert isinstance(law, Listed)
        if not isinstance(law.values, range):
            return _seeds(law.values)
        return _seeds(
            Random(self._sampler_seed).sample(law.values, min(len(self._seeds), len(law.values)))
        )

    def _check_searchable(self, name: str, given: Mapping[str, Any]) -> None:
        for symbol in vocabulary.symbols_of(name, given, self._base, self._symbols):
            if symbol in GIVEN:
                rule = "is the same for all that is compared; give it to the searcher"
                raise UserError(f"parameter {name}: {rule}")
            if not self._symbols.in_identity(symbol):
                raise UserError(f"parameter {name}: changes no result; give it as settings=")

    def _search(self, proposals: Sequence[Proposal], seeds: Sequence[int]) -> list[SearchResult]:
        rows = [vocabulary.quoted(one.row, self._symbols) for one in proposals]
        shared = vocabulary.quoted(self._shared(proposals), self._symbols)
        shared[vocabulary.SEED] = "|".join(map(str, seeds))
        found = planning.plan_from_rows(shared, rows, self._symbols)
        folder, outcomes = runs.run(found, self._means)
        self._outcomes += outcomes
        collected = results.collect(outcomes, proposals)
        self._results |= {frozenset(one.params.items()): one for one in collected}
        passed = [one for one in collected if one.passed]
        if not passed:
            why = collected[0].reason
            raise UserError(f"{folder}: none of {len(collected)} configurations passed: {why}")
        return passed

    def _shared(self, proposals: Sequence[Proposal]) -> dict[str, str]:
        """What the configurations have in common, with the weight decay of their optimizers."""
        own = self._base[vocabulary.OPTIMIZER]
        used = dict.fromkeys(one.row.get(vocabulary.OPTIMIZER, own) for one in proposals)
        decays = (vocabulary.decay_of(name) for name in used)
        known = {name: self._weight_decay for name in decays if name in self._symbols}
        return {**self._base, **known}

    def _texts(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Given values by symbol, those that are None left out."""
        found = {}
        for name, value in given.items():
            if value is not None:
                base = vocabulary.BASE
                (symbol,) = vocabulary.symbols_of(name, given, base, self._symbols)
                found[symbol] = vocabulary.text_of(name, value, symbol, self._symbols)
        return found

    def _check_classes(self, asked: int) -> None:
        name = self._base["DATASET"]
        shape = component.find("dataset", name, Dataset).shape
        classes = getattr(shape, "classes", None)
        if classes != asked:
            raise UserError(
                f"n_classes={asked}: data set {name} has {classes}; say that, or nothing"
            )

    def _say(self, line: str) -> None:
        if self._verbose:
            print(line)


def _is_seed(name: str) -> bool:
    return vocabulary.NAMES.get(name, name) == vocabulary.SEED


def _folder(path: str | Path) -> Path:
    return Path(path).absolute()


def _seeds(given: int | Sequence[int]) -> list[int]:
    found = list(range(1, given + 1)) if isinstance(given, int) else list(dict.fromkeys(given))
    if not found or any(isinstance(s, bool) or not isinstance(s, int) or s < 0 for s in found):
        raise UserError(f"seeds={given}: must be a number above 0, or a list of seeds from 0 on")
    return found


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"{name}={value!r}: must be an integer above 0")
    return value
