"""A space of configurations: what of it makes sense and fits the budget, and draws from that.

Every finite dimension that is not a number (the model, a method, a switch) opens and closes menus,
so each of their combinations is a context: Kconfig says once which other dimensions are in effect
there. A draw has the distribution that drawing from the whole space and rejecting what does not
fit would have; nothing is rejected, and dimensions that are off in a configuration are not in it.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from random import Random
from typing import Any

from espalier.core import component
from espalier.core.contracts import Model
from espalier.core.errors import UserError
from espalier.core.paths import BASE
from espalier.core.samples import Shape
from espalier.core.trial_config import Config
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.search import distributions, guide_names
from espalier.search.distributions import Choices, UniformRange
from espalier.search.sizing import Cell, Sizing, Tally
from espalier.train.building import budget_fit
from espalier.train.building.parameter_budget import Budget

NUMBERS = ("int", "float")
BUDGET = ("MAX_PARAMS", "MIN_PARAMS_SHARE")
PATIENCE = 1000
"""Draws in a row that cannot be trained, before a random search does with what it has."""


@dataclass(frozen=True)
class Dimension:
    """One parameter of the space: the caller's name for it, its symbol and its distribution."""

    name: str
    symbol: str
    kind: str
    law: Choices | UniformRange

    @property
    def gates(self) -> bool:
        """Whether it may decide which others are in effect."""
        return self.kind not in NUMBERS


@dataclass(frozen=True)
class Proposal:
    """One configuration: by the caller's names, by symbol, and its number of parameters.

    `config` is all of it, but for the budget and what depends on an optimizer.
    """

    params: Mapping[str, Any]
    row: Mapping[str, str]
    count: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class Context:
    """One combination of what is not a number: its values, and the dimensions in effect in it.

    `sizes` says which field of the model a dimension sets.
    """

    values: Mapping[str, Any]  # by dimension's symbol
    config: Mapping[str, str]
    chance: float
    sizing: Sizing
    sizes: Mapping[str, str]  # field of the model -> symbol
    others: Sequence[Dimension]


class SearchSpace:
    """What is feasible of the given parameters, on top of the settings that all share."""

    def __init__(self, given: Mapping[str, Any], base: Mapping[str, str], symbols: Symbols) -> None:
        """`base` holds the data set and the budget. Raises UserError for a bad parameter."""
        self._symbols, self._base = symbols, base
        self.dimensions = _dimensions(given, base, symbols)
        self.tally = Tally()
        self.refused: dict[str, int] = {}
        self.budget = Budget(int(base.get("MAX_PARAMS", 0)), float(base.get("MIN_PARAMS_SHARE", 0)))
        contexts = self._contexts()
        self._check_effect(contexts)
        self._cells = [(context, cell) for context in contexts for cell in context.sizing.cells()]
        self._limits: dict[str, int] = {}
        for context in contexts:
            self.tally.add(context.sizing.tally)
            named = {
                context.sizes[field]: limit for field, limit in context.sizing.limits().items()
            }
            self._limits |= {d.name: named[d.symbol] for d in self.dimensions if d.symbol in named}

    @property
    def total(self) -> float:
        """How many feasible configurations there are; infinite if a dimension is continuous."""
        return sum(map(_weight, self._cells))

    def require_feasible(self, others: Sequence[SearchSpace] = ()) -> None:
        """Raise UserError, with what can be reached, unless something here or in `others` fits."""
        if any(space._cells for space in (self, *others)):
            return
        for space in others:
            self.tally.add(space.tally)
        if not self.tally.largest:
            limits = ", ".join(f"{name} at most {limit}" for name, limit in self._limits.items())
            why = next(iter(self.refused), f"the data allow {limits}")
            raise UserError(f"nothing in the space is possible: {why}; change or widen the space")
        raise UserError(
            f"no configuration has {self.budget.minimum} to {self.budget.limit} parameters "
            f"(max_params and min_param_ratio): the space reaches {int(self.tally.smallest)} to "
            f"{int(self.tally.largest)}; change the budget or widen the space"
        )

    def left_out(self) -> list[str]:
        """Return what of the space's sizes does not fit, a line a reason."""
        counts = {
            f"more than {self.budget.limit} parameters": self.tally.over,
            f"fewer than {self.budget.minimum} parameters": self.tally.under,
            "larger than the data allows": self.tally.beyond,
            **self.refused,
        }
        return [f"{count} left out: {reason}" for reason, count in counts.items() if count]

    def every(self) -> Iterator[Proposal]:
        """Yield all feasible configurations of a space without continuous dimensions, in order."""
        for context, cell in self._cells:
            for place in range(int(_weight((context, cell)))):
                yield self._numbered(context, cell, place)

    def sample(
        self, count: int, random: Random, accept: Callable[[Proposal], bool] = lambda _: True
    ) -> list[Proposal]:
        """Draw `count` different feasible configurations by the space's distributions.

        All of them if there are no more. What `accept` refuses is drawn again, and after
        `PATIENCE` refusals in a row there are fewer.
        """
        if self.total <= count:
            return list(filter(accept, self.every()))
        sums = list(accumulate(context.chance * cell.chance for context, cell in self._cells))
        proposals: dict[frozenset[tuple[str, str]], Proposal] = {}
        refused = 0
        while len(proposals) < count and refused < PATIENCE:
            place = bisect_right(sums, random.random() * sums[-1])
            drawn = self._drawn(*self._cells[min(place, len(sums) - 1)], random)
            accepted = accept(drawn)
            refused = 0 if accepted else refused + 1
            if accepted:
                proposals.setdefault(frozenset(drawn.row.items()), drawn)
        return list(proposals.values())

    def _contexts(self) -> list[Context]:
        gates = [gate for gate in self.dimensions if gate.gates]
        contexts: dict[frozenset[tuple[str, str]], Context] = {}
        for values in product(*(_values(gate) for gate in gates)):
            chosen = {gate.symbol: value for gate, value in zip(gates, values, strict=True)}
            chance = 1 / math.prod(len(_values(gate)) for gate in gates)
            context = self._context(gates, chosen, chance)
            if context is None:
                continue
            texts = (
                (gate.symbol, context.config[gate.symbol])
                for gate in gates
                if gate.symbol in context.config
            )
            key = frozenset(texts)
            before = contexts.get(key)
            chance += before.chance if before else 0.0
            contexts[key] = dataclasses.replace(context, chance=chance)
        return list(contexts.values())

    def _context(
        self, gates: Sequence[Dimension], chosen: Mapping[str, Any], chance: float
    ) -> Context | None:
        """Return the context of these values; None if Kconfig refuses them."""
        texts = {g.symbol: self._text(g, chosen[g.symbol]) for g in gates}
        free = {name: text for name, text in self._base.items() if name not in BUDGET}
        row = guide_names.quote(free | texts, self._symbols)
        made = planning.expand_row(self._symbols, planning.row_requests(self._symbols, {}, row, 1))
        if not made.configs:
            for reason in made.reasons:
                self.refused[reason] = self.refused.get(reason, 0) + 1
            return None
        config = next(iter(made.configs.values()))
        active = [
            dimension
            for dimension in self.dimensions
            if not dimension.gates and dimension.symbol in config
        ]
        shape = budget_fit.input_shape(config, BASE / made.settings["DATA_DIR"])
        sizing, sizes = self._sizing(config, active, shape)
        values = {name: value for name, value in chosen.items() if name in config}
        others = [dimension for dimension in active if dimension.symbol not in sizes.values()]
        return Context(values, config, chance, sizing, sizes, others)

    def _sizing(
        self, config: Mapping[str, str], active: Sequence[Dimension], shape: Shape
    ) -> tuple[Sizing, dict[str, str]]:
        model = component.select("model", Config(config), Model)
        prefix = config["MODEL"].upper()
        fields = {component.symbol_of(f, prefix): f.name for f in dataclasses.fields(model)}
        sizes = {
            fields[dimension.symbol]: dimension
            for dimension in active
            if dimension.symbol in fields
        }
        laws = {
            name: dimension.law
            for name, dimension in sizes.items()
            if isinstance(dimension.law, Choices)
        }
        sizing = Sizing(model, shape, self.budget, laws)
        return sizing, {name: sizes[name].symbol for name in laws}

    def _check_effect(self, contexts: Sequence[Context]) -> None:
        """Raise UserError for a dimension that is off everywhere."""
        for dimension in self.dimensions:
            if contexts and not any(dimension.symbol in context.config for context in contexts):
                rule = "leave it out, or add the model or method that it belongs to"
                where = f"CONFIG_{dimension.symbol} is off in the whole space"
                raise UserError(f"parameter {dimension.name}: {where}; {rule}")

    def _numbered(self, context: Context, cell: Cell, place: int) -> Proposal:
        sizes = dict(cell.fixed)
        if cell.solved:
            place, at = divmod(place, len(cell.values))
            sizes[cell.solved] = cell.values[at]
        rest = {}
        for dimension in reversed(context.others):
            values = _values(dimension)
            place, at = divmod(place, len(values))
            rest[dimension.symbol] = values[at]
        return self._proposal(context, sizes, rest)

    def _drawn(self, context: Context, cell: Cell, random: Random) -> Proposal:
        sizes = dict(cell.fixed)
        if cell.solved:
            sizes[cell.solved] = cell.values[_place(cell.sums, random)]
        rest = {dimension.symbol: _draw(dimension, random) for dimension in context.others}
        return self._proposal(context, sizes, rest)

    def _proposal(
        self, context: Context, sizes: Mapping[str, int], rest: Mapping[str, Any]
    ) -> Proposal:
        by_symbol = {context.sizes[name]: value for name, value in sizes.items()}
        values = {**context.values, **by_symbol, **rest}
        active = [dimension for dimension in self.dimensions if dimension.symbol in values]
        params = {dimension.name: values[dimension.symbol] for dimension in active}
        row = {
            dimension.symbol: self._text(dimension, values[dimension.symbol])
            for dimension in active
        }
        return Proposal(params, row, context.sizing.count(sizes), {**context.config, **row})

    def _text(self, dimension: Dimension, value: Any) -> str:
        return guide_names.text_of(dimension.name, value, dimension.symbol, self._symbols)


def _dimensions(
    given: Mapping[str, Any], base: Mapping[str, str], symbols: Symbols
) -> list[Dimension]:
    dimensions: dict[str, Dimension] = {}
    for name, value in given.items():
        for symbol in guide_names.symbols_of(name, given, base, symbols):
            if symbol in dimensions:
                raise UserError(
                    f"parameter {name}: is {dimensions[symbol].name} too; keep one of them"
                )
            dimensions[symbol] = _dimension(name, symbol, value, symbols)
    return list(dimensions.values())


def _dimension(name: str, symbol: str, value: Any, symbols: Symbols) -> Dimension:
    kind = symbols.kind(symbol)
    law = distributions.read(name, value, whole=kind == "int")
    ends = _values(Dimension(name, symbol, kind, law))
    checked = (ends[0], ends[-1]) if isinstance(ends, range) else ends
    texts = [guide_names.text_of(name, end, symbol, symbols) for end in checked]
    if kind == "int" and isinstance(law, Choices) and not isinstance(ends, range):
        law = Choices([int(text) for text in texts])
    return Dimension(name, symbol, kind, law)


def _values(dimension: Dimension) -> Sequence[Any]:
    """Return its values; of an interval, which only a float has, its ends."""
    if isinstance(dimension.law, Choices):
        return dimension.law.values
    if dimension.gates:
        raise UserError(f"parameter {dimension.name}: is no number; give a list to choose from")
    return (dimension.law.low, dimension.law.high)


def _weight(item: tuple[Context, Cell]) -> float:
    """Return how many configurations a cell has."""
    context, cell = item
    if any(isinstance(dimension.law, UniformRange) for dimension in context.others):
        return math.inf
    return math.prod(len(_values(dimension)) for dimension in context.others) * max(
        1, len(cell.values)
    )


def _draw(dimension: Dimension, random: Random) -> Any:
    if isinstance(dimension.law, UniformRange):
        return dimension.law.draw(random)
    return dimension.law.values[_place(dimension.law.sums, random)]


def _place(sums: Sequence[float], random: Random) -> int:
    """Return a place in the values that `sums` are the running sums of, from 0."""
    return min(bisect_right(sums, random.random() * sums[-1]), len(sums) - 1) - 1
