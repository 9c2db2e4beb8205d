"""The space that a sampler draws from: the axes of a range file, and what a choice of values gives.

`Space.complete` walks the Kconfig tree axis by axis. It asks for a value of an axis only where the
axis is active, and only among the values that hold there, so that what comes out is a trial:
Kconfig takes it, a budget has room for it and its run makes sense.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from espalier.core.paths import BASE
from espalier.core.trial import REPETITION
from espalier.kconfig import assign
from espalier.kconfig.number_range import Interval
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import dependency_order
from espalier.plan.budget_constraint import DATA_DIR, Budgets
from espalier.plan.expand import Config
from espalier.plan.outside_files import weights_file
from espalier.plan.sensible_runs import SensibleRuns

Options = tuple[str, ...] | Interval
"""What an axis may be at some place: so many values, or the numbers of an interval."""


class AxisKind(StrEnum):
    """How the values of an axis lie to each other."""

    CATEGORICAL = "categorical"  # listed, without an order
    ORDERED = "ordered"  # listed numbers, ascending: steps of a list count, whatever their size
    INTEGER = "integer"  # an interval of integers
    FLOAT = "float"  # an interval of decimals


@dataclass(frozen=True)
class Axis:
    """A symbol that varies, and all values that it has anywhere in the space."""

    name: str  # without CONFIG_
    kind: AxisKind
    options: Options

    @property
    def log(self) -> bool:
        """Whether it is an interval that is even in the logarithm."""
        return isinstance(self.options, Interval) and self.options.log


Choose = Callable[[Axis, Options], str]
"""A function that picks one of the options of an axis: a value of the list or of the interval."""


@dataclass(frozen=True)
class Completion:
    """What a choice of values came to: a configuration, or the reason that it is no trial.

    `chosen` are the values of the axes that were active, in the order in which they were asked.
    """

    config: Config = field(default_factory=dict)
    why: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)


def at_share(options: Options, share: float) -> str:
    """Return the value at a share in [0, 1) of the options: each of a list has an equal part."""
    if isinstance(options, Interval):
        return options.at(share)
    return options[int(share * len(options))]


class Space:
    """The axes of requests but for those that repeat a configuration, such as the seed."""

    def __init__(self, symbols: Symbols, requests: Requests) -> None:
        """Take the requests of one range file. Raises UserError for an interval of seeds."""
        self.symbols, self.requests = symbols, without_repetition(requests)
        self.order = dependency_order.by_dependency(symbols, self.requests)
        self.axes = tuple(_axis(symbols, request) for request in self.order if request.is_axis)
        """In the order in which they are asked for: what an axis depends on comes before it."""
        self.settings: Config = {}
        """Effective symbols outside the identity, once something was completed."""
        self._repetition = {n: r.values for n, r in requests.items() if n in REPETITION}
        self._budgets = Budgets(symbols, self.requests)
        self._axes = {axis.name: axis for axis in self.axes}
        self._given: dict[str, str] = {}  # the values of active requests so far
        self._runs: SensibleRuns | None = None

    @property
    def solved(self) -> set[str]:
        """Symbols that a budget gave their numbers."""
        return self._budgets.solved

    def complete(self, choose: Choose) -> Completion:
        """Return the configuration that `choose` leads to, with the first seed.

        Raises UserError for what is wrong with the space itself.
        """
        self._begin()
        for request in self.order:
            if assign.is_active(self.symbols, request.name) and (
                why := self._take(request, choose)
            ):
                return Completion(why=why, chosen=self._chosen())
        config, why = self._configuration()
        return Completion({} if why else config, why, self._chosen())

    def repeated(self, config: Config) -> Iterator[Config]:
        """Yield a configuration with every requested seed that it has."""
        names = [name for name in self._repetition if name in config]
        for values in itertools.product(*(self._repetition[name] for name in names)):
            yield {**config, **dict(zip(names, values, strict=True))}

    def _begin(self) -> None:
        self.symbols.kconf.warn = False  # every value is checked here
        self.symbols.kconf.unset_values()
        self._given = {}

    def _take(self, request: Request, choose: Choose) -> str:
        """Assign a value of a request if it is active; return why there is none to assign."""
        if not assign.is_active(self.symbols, request.name):
            return ""
        options = self._options(request)
        if not options:
            value = request.values[0]
            return f"CONFIG_{request.name}={value} {self._why_not(request, value)}"
        axis = self._axes.get(request.name)
        value = choose(axis, options) if axis else request.values[0]
        assign.put(self.symbols, request.name, value)
        self._given[request.name] = value
        return ""

    def _options(self, request: Request) -> Options:
        """Return what a request may be now: what holds beside all that is assigned already."""
        if request.interval is not None:
            return self._part(request.name, request.interval) or ()
        axis = self._axes.get(request.name)
        values = axis.options if axis and isinstance(axis.options, tuple) else request.values
        return tuple(value for value in values if self._holds(request, value))

    def _part(self, name: str, interval: Interval) -> Interval | None:
        ends = assign.whole_range(self.symbols, name)
        return interval.within(Decimal(ends[0]), Decimal(ends[1])) if ends else interval

    def _holds(self, request: Request, value: str) -> bool:
        assign.put(self.symbols, request.name, value)
        return assign.holds(self.symbols, request, value)

    def _why_not(self, request: Request, value: str) -> str:
        if request.interval is None:
            assign.put(self.symbols, request.name, value)
        return assign.why_invalid(self.symbols, request.name, value)

    def _configuration(self) -> tuple[Config, str]:
        """Return what came of the assignments, and why it is no trial, if it is none."""
        config = assign.effective_config(self.symbols, self.symbols.identity)
        if why := assign.overruled(self.symbols, self.order, self._given, config):
            return config, why
        if not self.settings:
            self.settings = assign.effective_config(self.symbols, self.symbols.settings)
        config = weights_file.with_digest(config, is_swept=weights_file.FILE in self._axes)
        config, why = self._budgets.fitted(config)
        return config, why or self._why_senseless(config)

    def _why_senseless(self, config: Config) -> str:
        self._runs = self._runs or SensibleRuns(BASE / self.settings.get(DATA_DIR, ""))
        refusal = self._runs.refusal(config)
        return str(refusal) if refusal else ""

    def _chosen(self) -> dict[str, str]:
        return {name: self._given[name] for name in self._axes if name in self._given}


def without_repetition(requests: Requests) -> Requests:
    """Return requests with one value for each symbol that repeats a configuration.

    Raises UserError for an interval of them.
    """
    for name in REPETITION:
        if name in requests and requests[name].interval:
            request = requests[name]
            raise request.error(request.values[0], "is not drawn; list its values, as in 1|2|3")
    return {
        name: replace(request, values=request.values[:1]) if name in REPETITION else request
        for name, request in requests.items()
    }


def _axis(symbols: Symbols, request: Request) -> Axis:
    kind = symbols.kind(request.name)
    if request.interval is not None:
        is_whole = request.interval.whole
        continuous = AxisKind.INTEGER if is_whole else AxisKind.FLOAT
        return Axis(request.name, continuous, request.interval)
    if kind in ("int", "hex", "float"):
        return Axis(request.name, AxisKind.ORDERED, tuple(sorted(request.values, key=_number)))
    return Axis(request.name, AxisKind.CATEGORICAL, request.values)


def _number(text: str) -> float:
    return float(int(text, 16)) if text.startswith("0x") else float(text)
