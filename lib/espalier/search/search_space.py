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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from random import Random
from typing import Any

from espalier.core import component
from espalier.core.contracts import Dataset, Model
from espalier.core.errors import UserError
from espalier.core.trial_config import Config
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.search import distributions, guide_names
from espalier.search.distributions import Listed, UniformRange
from espalier.search.sizing import Cell, Sizing, Tally
from espalier.train.parameter_budget import Budget

NUMBERS = ("int", "float")
BUDGET = ("MAX_PARAMS", "MIN_PARAMS_SHARE")


@dataclass(frozen=True)
class Dimension:
    """One parameter of the space: the caller's name for it, its symbol and its distribution."""

    name: str
    symbol: str
    kind: str
    law: Listed | UniformRange

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
            named = {context.sizes[field]: most for field, most in context.sizing.limits().items()}
            self._limits |= {d.name: named[d.symbol] for d in self.dimensions if d.symbol in named}

    @property
    def total(self) -> float:
        """How many feasible configurations there are; infinite if a dimension is continuous."""
        return sum(map(_weight, self._cells))

    def require_feasible(self, others: Sequence[SearchSpace] = ()) -> None:
        """Raise UserError, with what can be reached, unless something here or in `others` fits."""
        if any(one._cells for one in (self, *others)):
            return
        for one in others:
            self.tally.add(one.tally)
        if not self.tally.largest:
            most = ", ".join(f"{name} at most {limit}" for name, limit in self._limits.items())
            why = next(iter(self.refused), f"the data allow {most}")
            raise UserError(f"nothing in the space is possible: {why}; change or widen the space")
        raise UserError(
            f"no configuration has {self.budget.least} to {self.budget.most} parameters "
            f"(max_params and min_param_ratio): the space reaches {int(self.tally.smallest)} to "
            f"{int(self.tally.largest)}; change the budget or widen the space"
        )

    def left_out(self) -> list[str]:
        """Return what of the space's sizes does not fit, a line a reason."""
        told = {
            f"more than {self.budget.most} parameters": self.tally.over,
            f"fewer than {self.budget.least} parameters": self.tally.under,
            "larger than the data allows": self.tally.beyond,
            **self.refused,
        }
        return [f"{count} left out: {reason}" for reason, count in told.items() if count]

    def every(self) -> Iterator[Proposal]:
        """Yield all feasible configurations of a space without continuous dimensions, in order."""
        for context, cell in self._cells:
            for place in range(int(_weight((context, cell)))):
                yield self._numbered(context, cell, place)

    def sample(self, count: int, random: Random) -> list[Proposal]:
        """Draw `count` different feasible configurations by the space's distributions.

        All of them if there are no more.
        """
        if self.total <= count:
            return list(self.every())
        sums = list(accumulate(context.chance * cell.chance for context, cell in self._cells))
        found: dict[frozenset[tuple[str, str]], Proposal] = {}
        while len(found) < count:
            place = bisect_right(sums, random.random() * sums[-1])
            drawn = self._drawn(*self._cells[min(place, len(sums) - 1)], random)
            found.setdefault(frozenset(drawn.row.items()), drawn)
        return list(found.values())

    def _contexts(self) -> list[Context]:
        gates = [one for one in self.dimensions if one.gates]
        found: dict[frozenset[tuple[str, str]], Context] = {}
        for values in product(*(_values(one) for one in gates)):
            chosen = {one.symbol: value for one, value in zip(gates, values, strict=True)}
            chance = 1 / math.prod(len(_values(one)) for one in gates)
            context = self._context(gates, chosen, chance)
            if context is None:
                continue
            texts = (
                (one.symbol, context.config[one.symbol])
                for one in gates
                if one.symbol in context.config
            )
            key = frozenset(texts)
            before = found.get(key)
            chance += before.chance if before else 0.0
            found[key] = dataclasses.replace(context, chance=chance)
        return list(found.values())

    def _context(
        self, gates: Sequence[Dimension], chosen: Mapping[str, Any], chance: float
    ) -> Context | None:
        """Return the context of these values; None if Kconfig refuses them."""
        texts = {g.symbol: self._text(g, chosen[g.symbol]) for g in gates}
        free = {name: text for name, text in self._base.items() if name not in BUDGET}
        row = guide_names.quoted(free | texts, self._symbols)
        made = planning.expand_row(self._symbols, planning.row_requests(self._symbols, {}, row, 1))
        if not made.configs:
            for reason in made.reasons:
                self.refused[reason] = self.refused.get(reason, 0) + 1
            return None
        config = next(iter(made.configs.values()))
        active = [one for one in self.dimensions if not one.gates and one.symbol in config]
        sizing, sizes = self._sizing(config, active)
        values = {name: value for name, value in chosen.items() if name in config}
        others = [one for one in active if one.symbol not in sizes.values()]
        return Context(values, config, chance, sizing, sizes, others)

    def _sizing(
        self, config: Mapping[str, str], active: Sequence[Dimension]
    ) -> tuple[Sizing, dict[str, str]]:
        model = component.select("model", Config(config), Model)
        dataset = component.select("dataset", Config(config), Dataset)
        if dataset.shape is None:
            raise UserError(f"dataset {config['DATASET']}: its models cannot be counted beforehand")
        prefix = config["MODEL"].upper()
        known = {component.symbol_of(f, prefix): f.name for f in dataclasses.fields(model)}
        sizes = {known[one.symbol]: one for one in active if one.symbol in known}
        laws = {name: one.law for name, one in sizes.items() if isinstance(one.law, Listed)}
        sizing = Sizing(model, dataset.shape, self.budget, laws)
        return sizing, {name: sizes[name].symbol for name in laws}

    def _check_effect(self, contexts: Sequence[Context]) -> None:
        """Raise UserError for a dimension that is off everywhere."""
        for one in self.dimensions:
            if contexts and not any(one.symbol in context.config for context in contexts):
                raise UserError(
                    f"parameter {one.name}: CONFIG_{one.symbol} is off in the whole space; "
                    "leave it out, or add the model or method that it belongs to"
                )

    def _numbered(self, context: Context, cell: Cell, place: int) -> Proposal:
        sizes = dict(cell.fixed)
        if cell.solved:
            place, at = divmod(place, len(cell.values))
            sizes[cell.solved] = cell.values[at]
        rest = {}
        for one in reversed(context.others):
            values = _values(one)
            place, at = divmod(place, len(values))
            rest[one.symbol] = values[at]
        return self._proposal(context, sizes, rest)

    def _drawn(self, context: Context, cell: Cell, random: Random) -> Proposal:
        sizes = dict(cell.fixed)
        if cell.solved:
            sizes[cell.solved] = cell.values[_place(cell.sums, random)]
        rest = {one.symbol: _draw(one, random) for one in context.others}
        return self._proposal(context, sizes, rest)

    def _proposal(
        self, context: Context, sizes: Mapping[str, int], rest: Mapping[str, Any]
    ) -> Proposal:
        by_symbol = {context.sizes[name]: value for name, value in sizes.items()}
        values = {**context.values, **by_symbol, **rest}
        active = [one for one in self.dimensions if one.symbol in values]
        params = {one.name: values[one.symbol] for one in active}
        row = {one.symbol: self._text(one, values[one.symbol]) for one in active}
        return Proposal(params, row, context.sizing.count(sizes), {**context.config, **row})

    def _text(self, one: Dimension, value: Any) -> str:
        return guide_names.text_of(one.name, value, one.symbol, self._symbols)


def _dimensions(
    given: Mapping[str, Any], base: Mapping[str, str], symbols: Symbols
) -> list[Dimension]:
    found: dict[str, Dimension] = {}
    for name, value in given.items():
        for symbol in guide_names.symbols_of(name, given, base, symbols):
            if symbol in found:
                raise UserError(f"parameter {name}: is {found[symbol].name} too; keep one of them")
            found[symbol] = _dimension(name, symbol, value, symbols)
    return list(found.values())


def _dimension(name: str, symbol: str, value: Any, symbols: Symbols) -> Dimension:
    kind = symbols.kind(symbol)
    law = distributions.read(name, value, whole=kind == "int")
    ends = _values(Dimension(name, symbol, kind, law))
    checked = (ends[0], ends[-1]) if isinstance(ends, range) else ends
    texts = [guide_names.text_of(name, end, symbol, symbols) for end in checked]
    if kind == "int" and isinstance(law, Listed) and not isinstance(ends, range):
        law = Listed([int(text) for text in texts])
    return Dimension(name, symbol, kind, law)


def _values(one: Dimension) -> Sequence[Any]:
    """Return its values; of an interval, which only a float has, its ends."""
    if isinstance(one.law, Listed):
        return one.law.values
    if one.gates:
        raise UserError(f"parameter {one.name}: is no number; give a list to choose from")
    return (one.law.low, one.law.high)


def _weight(item: tuple[Context, Cell]) -> float:
    """Return how many configurations a cell has."""
    context, cell = item
    if any(isinstance(one.law, UniformRange) for one in context.others):
        return math.inf
    return math.prod(len(_values(one)) for one in context.others) * max(1, len(cell.values))


def _draw(one: Dimension, random: Random) -> Any:
    if isinstance(one.law, UniformRange):
        return one.law.draw(random)
    return one.law.values[_place(one.law.sums, random)]


def _place(sums: Sequence[float], random: Random) -> int:
    """Return a place in the values that `sums` are the running sums of, from 0."""
    return min(bisect_right(sums, random.random() * sums[-1]), len(sums) - 1) - 1
