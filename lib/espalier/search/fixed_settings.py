"""What all configurations of a searcher have in common: data, budget, recipe, seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.core import component
from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.paths import BASE
from espalier.core.samples import SampleShape
from espalier.core.trial import Record
from espalier.kconfig import trust
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.plan import Plan
from espalier.plan.sensible_runs import DATA_DIR
from espalier.search import guide_names
from espalier.search.search_space import BUDGET, Proposal

FIXED = ("DATASET", *BUDGET, "VALIDATION_FRACTION", "SPLIT_SEED")
"""What makes results comparable: given to the searcher, and not searched."""
SPLIT = ("VALIDATION_FRACTION", "SPLIT_SEED", "TRAIN_SUBSET")


@dataclass(frozen=True)
class Conditions:
    """Settings by symbol, as canonical text; `weight_decay` is that of whichever optimizer."""

    symbols: Symbols
    base: Mapping[str, str]
    weight_decay: str
    seeds: Sequence[int]
    sampler_seed: int

    @property
    def unlimited(self) -> dict[str, str]:
        """The same without a budget."""
        return {name: text for name, text in self.base.items() if name not in BUDGET}

    @property
    def data_dir(self) -> Path:
        """The folder of the data sets."""
        return BASE / self.base.get(DATA_DIR, trust.default(self.symbols, DATA_DIR))

    def plan(self, proposals: Sequence[Proposal], seeds: Sequence[int]) -> Plan:
        """Return the plan that trains each proposal with each seed."""
        rows = [guide_names.quote(proposal.row, self.symbols) for proposal in proposals]
        shared = guide_names.quote({**self.base, **self.decays(proposals)}, self.symbols)
        shared[guide_names.SEED] = "|".join(map(str, seeds))
        return planning.plan_from_rows(shared, rows, self.symbols)

    def require_searchable(self, given: Mapping[str, Any]) -> None:
        """Raise UserError for a parameter of a space that is the same for a whole search."""
        for name in given:
            for symbol in guide_names.symbols_of(name, given, self.base, self.symbols):
                if symbol in FIXED:
                    rule = "is the same for all that is compared; give it to the searcher"
                    raise UserError(f"parameter {name}: {rule}")
                if not self.symbols.in_identity(symbol):
                    raise UserError(f"parameter {name}: changes no result; give it in settings=")

    @property
    def budget(self) -> Record:
        """The budget by the names that the searcher's arguments have."""
        share = float(self.base.get("MIN_PARAMS_SHARE", 0))
        return {"max_params": int(self.base["MAX_PARAMS"]), "min_param_ratio": share}

    def decays(self, proposals: Iterable[Proposal]) -> dict[str, str]:
        """Return the weight decay for each optimizer that the proposals have, where it has one."""
        own = self.base[guide_names.OPTIMIZER]
        used = dict.fromkeys(proposal.row.get(guide_names.OPTIMIZER, own) for proposal in proposals)
        names = (guide_names.decay_of(name) for name in used)
        return {name: self.weight_decay for name in names if name in self.symbols}


def conditions(
    given: Mapping[str, Any],
    weight_decay: float,
    seeds: int | Sequence[int],
    sampler_seed: int,
    symbols: Symbols,
) -> Conditions:
    """Return those of the values `given` by name or symbol; None leaves one out."""
    base = guide_names.base(symbols)
    for name, value in given.items():
        if value is not None:
            (symbol,) = guide_names.symbols_of(name, given, base, symbols)
            base[symbol] = guide_names.text_of(name, value, symbol, symbols)
    (symbol,) = guide_names.symbols_of(guide_names.WEIGHT_DECAY, {}, base, symbols)
    decay = guide_names.text_of(guide_names.WEIGHT_DECAY, weight_decay, symbol, symbols)
    return Conditions(symbols, base, decay, seeds_of(seeds), sampler_seed)


def seeds_of(given: int | Sequence[int]) -> list[int]:
    """Return the seeds 1 to `given`, or those given, each once. Raises UserError."""
    if isinstance(given, int):
        positive("seeds", given)
        return list(range(1, given + 1))
    seeds = list(dict.fromkeys(given)) if isinstance(given, Sequence) else []
    if not seeds or not all(isinstance(seed, int) and seed >= 0 for seed in seeds):
        raise UserError(f"seeds={given!r}: must be a number of them, or a list of integers from 0")
    return seeds


def positive(name: str, value: int) -> int:
    """`value`. Raises UserError unless it is an integer above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"{name}={value!r}: must be an integer above 0")
    return value


def require_classes(dataset: str, classes: int) -> None:
    """Raise UserError unless the data set has so many classes, where not its files say how many."""
    kind = component.find("dataset", dataset, Dataset)
    if kind.holds is not SampleShape:
        raise UserError(f"dataset {dataset}: has no classes; searches are for images")
    shape = kind.shape
    if isinstance(shape, SampleShape) and shape.classes != classes:
        raise UserError(f"n_classes={classes}: data set {dataset} has {shape.classes}; give that")
