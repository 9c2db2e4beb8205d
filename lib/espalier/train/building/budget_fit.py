"""Fit a configuration to its parameter budget: solve its free field, and count parameters.

Everything is counted exactly and nothing is built.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from espalier.core import component
from espalier.core.contracts import CannotTrain, Dataset, Model
from espalier.core.samples import RawText, SampleShape, Shape, TokenShape
from espalier.core.trial_config import Config
from espalier.train.building.parameter_budget import Budget, unsolved_symbols

T = TypeVar("T")


@dataclass(frozen=True)
class BudgetFit:
    """The result of fitting a configuration to its budget.

    `solved` are the symbols that were 0 and their numbers, `left` those that are still 0 because
    only one can be solved. `why` is the rule that excludes the configuration, if one does. With its
    free number from 1 to the largest sensible one the model has `low` to `high` parameters; with
    the chosen number, `count`.
    """

    solved: Mapping[str, str] = dataclasses.field(default_factory=dict)
    left: tuple[str, ...] = ()
    why: str = ""
    count: int = 0
    low: int = 0
    high: int = 0


def fit_budget(values: Mapping[str, str], data_dir: Path) -> BudgetFit:
    """Fit the configuration `values` to its own budget. Nothing is built.

    `data_dir` is read only for a data set that does not declare its shape. Raises UserError if
    that fails.
    """
    config = Config(values)
    model = _selected("model", config, Model)
    budget = component.build(Budget, config, "")
    free = unsolved_symbols(model, config)
    if len(free) > 1:
        return BudgetFit(left=tuple(free.values()))
    shape = input_shape(values, data_dir)
    try:
        return _solve(model, shape, budget, free) if free else _fixed(model, shape, budget)
    except CannotTrain as error:
        return BudgetFit(why=str(error))


def input_shape(values: Mapping[str, str], data_dir: Path) -> Shape:
    """Return the shape of what the model of a configuration is given.

    `data_dir` is read only for a data set that does not declare its shape. Raises UserError if
    that fails.
    """
    config = Config(values)
    data = _shape(_selected("dataset", config, Dataset), data_dir)
    return _input_shape(_selected("model", config, Model), data)


def symbols_read(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the symbols that `fit_budget` depends on under the model and data set of `values`."""
    kinds = (("model", Model), ("dataset", Dataset))
    names = [(kind, values[component.KINDS[kind][1]], base) for kind, base in kinds]
    choices = [component.KINDS[kind][1] for kind, _ in kinds]
    own = [name for part in names for name in _symbols_of(*part)]
    return (*choices, *own, *_leaves(Budget, ""))


@functools.cache
def _symbols_of(kind: str, name: str, base: type[Any]) -> tuple[str, ...]:
    return _leaves(_class(kind, name, base), name.upper())


def _selected(kind: str, config: Config, base: type[T]) -> T:
    """Return what `component.select` does, fast enough for ten thousand configurations."""
    name = config.read(component.KINDS[kind][1], str)
    cls: type[T] = _class(kind, name, base)
    return component.build(cls, config, name.upper())


# It searches the folder of its kind each time.
_class: Callable[[str, str, Any], Any] = functools.cache(component.find)


def _leaves(cls: type[Any], prefix: str) -> tuple[str, ...]:
    hints = get_type_hints(cls)
    fields = [(hints[f.name], component.symbol_of(f, prefix)) for f in dataclasses.fields(cls)]
    return tuple(name for hint, part in fields for name in component.symbols(hint, part))


def _fixed(model: Model, shape: Shape, budget: Budget) -> BudgetFit:
    count = model.parameters(shape)
    return BudgetFit({}, (), budget.violation(count)[1], count, count, count)


def _solve(model: Model, shape: Shape, budget: Budget, free: Mapping[str, str]) -> BudgetFit:
    """Solve the single field of `free` for the largest number within the budget."""
    ((field, name),) = free.items()

    def count(number: int) -> int:
        return replace(model, **{field: number}).parameters(shape)

    limit = model.largest(field, shape)
    best = _largest(lambda number: count(number) <= budget.limit, limit)
    low, high, chosen = count(1), count(limit), count(best)
    return BudgetFit({name: str(best)}, (), budget.violation(chosen)[1], chosen, low, high)


def _largest(fits: Callable[[int], bool], limit: int) -> int:
    """Return the largest number in 1..limit that fits, as do all below it; 1 if none does."""
    low, high = 1, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


@functools.lru_cache(maxsize=8)  # a text is read whole
def _shape(dataset: Dataset, data_dir: Path) -> Shape:
    if dataset.shape is not None:
        return dataset.shape
    raw = dataset.load(data_dir, download=False)
    if isinstance(raw, RawText):
        return TokenShape(len(raw.symbols), raw.context)
    _, channels, height, width = raw.train_x.shape
    return SampleShape(channels, height, width, raw.classes)


def _input_shape(model: Model, shape: Shape) -> Shape:
    """Return the shape of the model's inputs for data of `shape`."""
    if isinstance(shape, TokenShape) or model.input_size is None:
        return shape
    return replace(shape, height=model.input_size, width=model.input_size)
