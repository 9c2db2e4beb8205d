"""One way through a Kconfig tree: values assigned one after the other, and what comes of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from typing_extensions import override

from espalier.core.paths import BASE
from espalier.core.trees import run_schedules
from espalier.kconfig import assign
from espalier.kconfig.number_range import Interval
from espalier.kconfig.requests import Request
from espalier.kconfig.symbols import Symbols
from espalier.plan import dependency_order
from espalier.plan.budget_constraint import DATA_DIR, Budgets
from espalier.plan.expand import Config
from espalier.plan.outside_files import weights_file
from espalier.plan.samplers.axes import Options
from espalier.plan.sensible_runs import SensibleRuns


class Outcome(NamedTuple):
    """A configuration, and why it is no trial: overruled by Kconfig, or not to be trained.

    `blamed` are the symbols that this can depend on.
    """

    config: Config
    overruled: str = ""
    untrainable: str = ""
    blamed: frozenset[str] = frozenset()

    @property
    def why(self) -> str:
        """Why it is no trial; empty if it is one."""
        return self.overruled or self.untrainable


class _RecordedConfig(Config):
    """A configuration that records which symbols are read of it."""

    def __init__(self, values: Config) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    @override
    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)

    @override
    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    @override
    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


class TreeWalk:
    """The requests of a space in the order in which they are assigned, and their values so far."""

    def __init__(self, symbols: Symbols, order: Sequence[Request], budgets: Budgets) -> None:
        self.symbols, self.order, self.budgets = symbols, order, budgets
        self.given: dict[str, str] = {}
        """The values of requests that were active."""
        self.settings: Config = {}
        """Effective symbols outside the identity, once there was a configuration."""
        self._is_swept = any(r.name == weights_file.FILE and r.is_axis for r in order)
        self._runs: SensibleRuns | None = None
        self.needs: Callable[[str], frozenset[str]] = functools.cache(self._needs)
        """Return a symbol and all that can change what it may be."""

    def begin(self) -> None:
        """Forget every value."""
        self.symbols.kconf.warn = False  # every value is checked here
        self.symbols.kconf.unset_values()
        self.given = {}

    def is_active(self, request: Request) -> bool:
        """Return whether the symbol of a request is visible now."""
        return assign.is_active(self.symbols, request.name)

    def options(self, request: Request, values: Sequence[str]) -> Options:
        """Return which of its values a request may have now, or which part of its interval."""
        if request.interval is not None:
            return self._part(request.name, request.interval) or ()
        return tuple(value for value in values if self.holds(request, value))

    def holds(self, request: Request, value: str) -> bool:
        """Return whether an active request takes a value now."""
        assign.put(self.symbols, request.name, value)
        return assign.holds(self.symbols, request, value)

    def why_not(self, request: Request, value: str) -> str:
        """Return why an active request does not take a value, or any number of its interval."""
        if request.interval is None:
            assign.put(self.symbols, request.name, value)
        return assign.why_invalid(self.symbols, request.name, value)

    def give(self, request: Request, value: str) -> None:
        """Assign a value that holds."""
        assign.put(self.symbols, request.name, value)
        self.given[request.name] = value

    def outcome(self) -> Outcome:
        """Return what came of the values. Raises UserError for what is wrong with all of them."""
        config = assign.effective_config(self.symbols, self.symbols.identity)
        if why := assign.overruled(self.symbols, self.order, self.given, config):
            return Outcome(config, overruled=why, blamed=frozenset(self.given))
        if not self.settings:
            self.settings = assign.effective_config(self.symbols, self.symbols.settings)
        recorded = _RecordedConfig(weights_file.with_digest(config, self._is_swept))
        config, why = self.budgets.fitted(recorded)
        if why := why or self._why_senseless(recorded):
            return Outcome(config, untrainable=why, blamed=self.all_needs(recorded.names))
        return Outcome(dict(config))

    def all_needs(self, names: Iterable[str]) -> frozenset[str]:
        """Return symbols and all that can change what they may be."""
        return frozenset().union(*map(self.needs, names))

    def _needs(self, name: str) -> frozenset[str]:
        if name not in self.symbols:
            return frozenset({name})
        return frozenset({name, *dependency_order.needs(self.symbols, name)})

    def _part(self, name: str, interval: Interval) -> Interval | None:
        ends = assign.whole_range(self.symbols, name)
        return interval.within(Decimal(ends[0]), Decimal(ends[1])) if ends else interval

    def _why_senseless(self, config: _RecordedConfig) -> str:
        self._runs = self._runs or SensibleRuns(BASE / self.settings.get(DATA_DIR, ""))
        refusal = self._runs.refusal(config)
        if refusal:
            config.names |= run_schedules.deciding_symbols()
        return str(refusal) if refusal else ""
