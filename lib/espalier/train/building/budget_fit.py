"""A configuration under its budget of parameters: the number that is solved for it, and the count.

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
from espalier.core.contracts import (
    CannotTrain,
    Dataset,
    Model,
    RawText,
    SampleShape,
    Shape,
    TokenShape,
)
from espalier.core.trial_config import Config
from espalier.train.building.parameter_budget import Budget, unsolved_symbols

T = TypeVar("T")


@dataclass(frozen=True)
class BudgetFit:
    """What a budget makes of a configuration.

    `solved` are the symbols that were 0 and their numbers, `left` those that are still 0 because
    only one can be solved. `why` is the rule that keeps it from being a trial, if one does. With
    its free number from 1 to the largest that makes sense the model has `low` to `high`
    parameters; as it is chosen, `count`.
    """

    solved: Mapping[str, str] = dataclasses.field(default_factory=dict)
    left: tuple[str, ...] = ()
    why: str = ""
    count: int = 0
    low: int = 0
    high: int = 0


def fit_budget(values: Mapping[str, str], data_dir: Path) -> BudgetFit:
    """The configuration `values` under its own budget. Nothing is built.

    `data_dir` is read only for a data set whose shape is not known beforehand. Raises UserError
    if that fails.
    """
    config = Config(values)
    model = _selected("model", config, Model)
    budget = component.build(Budget, config, "")
    free = unsolved_symbols(model, config)
    if len(free) > 1:
        return BudgetFit(left=tuple(free.values()))
    shape = _seen(model, _shape(_selected("dataset", config, Dataset), data_dir))
    try:
        return _solve(model, shape, budget, free) if free else _fixed(model, shape, budget)
    except CannotTrain as error:
        return BudgetFit(why=str(error))


def symbols_read(values: Mapping[str, str]) -> tuple[str, ...]:
    """The symbols that `fit` depends on under the model and data set of `values`."""
    kinds = (("model", Model), ("dataset", Dataset))
    names = [(kind, values[component.KINDS[kind][1]], base) for kind, base in kinds]
    choices = [component.KINDS[kind][1] for kind, _ in kinds]
    found = [name for part in names for name in _symbols_of(*part)]
    return (*choices, *found, *_leaves(Budget, ""))


@functools.cache
def _symbols_of(kind: str, name: str, base: type[Any]) -> tuple[str, ...]:
    return _leaves(_class(kind, name, base), name.upper())


def _selected(kind: str, config: Config, base: type[T]) -> T:
    """`component.select`, for ten thousand configurations."""
    name = config.read(component.KINDS[kind][1], str)
    cls: type[T] = _class(kind, name, base)
    return component.build(cls, config, name.upper())


# It looks into the folder of its kind each time.
_class: Callable[[str, str, Any], Any] = functools.cache(component.find)


def _leaves(cls: type[Any], prefix: str) -> tuple[str, ...]:
    hints = get_type_hints(cls)
    fields = [(hints[f.name], component.symbol_of(f, prefix)) for f in dataclasses.fields(cls)]
    return tuple(name for hint, part in fields for name in component.symbols(hint, part))


def _fixed(model: Model, shape: Shape, budget: Budget) -> BudgetFit:
    count = model.parameters(shape)
    return BudgetFit({}, (), budget.why_not(count)[1], count, count, count)


def _solve(model: Model, shape: Shape, budget: Budget, free: Mapping[str, str]) -> BudgetFit:
    """The largest number of the one field of `free` with which the model is within the budget."""
    ((field, name),) = free.items()

    def count(number: int) -> int:
        return replace(model, **{field: number}).parameters(shape)

    most = model.most(field, shape)
    best = _largest(lambda number: count(number) <= budget.most, most)
    low, high, chosen = count(1), count(most), count(best)
    return BudgetFit({name: str(best)}, (), budget.why_not(chosen)[1], chosen, low, high)


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number in 1..most that fits, all below it fitting too; 1 if none does."""
    low, high = 1, most
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


def _seen(model: Model, shape: Shape) -> Shape:
    """What the model sees of data of `shape`."""
    if isinstance(shape, TokenShape) or model.input_size is None:
        return shape
    return replace(shape, height=model.input_size, width=model.input_size)
