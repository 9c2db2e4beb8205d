"""The space that a sampler draws from: the axes of a range file, and what a choice of values gives.

`Space.complete` walks the Kconfig tree axis by axis. It asks for a value of an axis only where the
axis is active, and only among the values that hold there, so that what comes out is a trial:
Kconfig takes it, a budget has room for it and its run makes sense.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from espalier.core.trial import REPETITION
from espalier.kconfig import assign
from espalier.kconfig.number_range import NumberInterval
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import dependency_order
from espalier.plan.budget_constraint import Budgets
from espalier.plan.effect_check import Choice, EffectCheck
from espalier.plan.expand import Config
from espalier.plan.samplers.axes import Axis, Choose, Options, at_share, axis_of
from espalier.plan.samplers.look_ahead import LookAhead
from espalier.plan.samplers.tree_walk import TreeWalk

PROBES = 100
"""Draws that show whether a space has dead ends, and which values take effect."""
ENDS = (0.0, 1.0, 0.5)
"""Shares of intervals at which a value is tried that had no effect in even draws."""
SEARCHES = 20
"""Draws in which a value goes first that had no effect in others."""


@dataclass(frozen=True)
class Completion:
    """What a choice of values came to: a configuration, or the reason that it is no trial.

    `chosen` are the values of the axes that were active, in the order in which they were asked.
    """

    config: Config = field(default_factory=dict)
    why: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    blamed: frozenset[str] = frozenset()  # symbols that the reason can depend on


class Space:
    """The axes of requests but for those that repeat a configuration, such as the seed.

    Where some values lead nowhere, as all that a later symbol could be is refused, they are not
    offered. Of an interval that cannot be said beforehand: its numbers are offered as Kconfig has
    them, and what a budget or a run refuses is found when it is drawn.
    """

    def __init__(self, symbols: Symbols, requests: Requests) -> None:
        """Take the requests of one range file. Raises UserError for an interval of seeds."""
        self.requests = requests
        order = dependency_order.by_dependency(symbols, without_repetition(requests))
        self.axes = tuple(axis_of(symbols, request) for request in order if request.is_axis)
        """In the order in which they are asked for: what an axis depends on comes before it."""
        self._axes = {axis.name: axis for axis in self.axes}
        self._walk = TreeWalk(symbols, order, Budgets(symbols, requests))
        self._ahead = LookAhead(self._walk)
        self._effects = EffectCheck()
        self._left_out: dict[Choice, str] = {}  # values that led nowhere somewhere, and why
        self._suspects: frozenset[str] = frozenset()  # symbols that refusals depend on
        self._suspects = frozenset().union(*map(self._blamed, range(PROBES)))

    @property
    def settings(self) -> Config:
        """Effective symbols outside the identity; empty if nothing is a configuration."""
        return self._walk.settings

    @property
    def solved(self) -> set[str]:
        """Symbols that a budget gave their numbers."""
        return self._walk.budgets.solved

    @property
    def largest(self) -> int:
        """The most configurations that listed axes can have; with an interval, sys.maxsize."""
        sizes = [len(a.options) if isinstance(a.options, tuple) else None for a in self.axes]
        return sys.maxsize if None in sizes else math.prod(filter(None, sizes))

    def complete(self, choose: Choose) -> Completion:
        """Return the configuration that `choose` leads to, with the first seed.

        Raises UserError for what is wrong with the space itself.
        """
        self._walk.begin()
        for depth, request in enumerate(self._walk.order):
            if why := self._take(depth, request, choose):
                return self._refused(why, self._walk.needs(request.name))
        outcome = self._walk.outcome()
        if outcome.why:
            self._record_refusal(outcome.overruled, outcome.untrainable)
            return self._refused(outcome.why, outcome.blamed)
        self._record_effects()
        return Completion(outcome.config, chosen=self._chosen())

    def check_effects(self, strict: bool) -> dict[Choice, str]:
        """Return listed values that cannot be drawn, as no run with them makes sense, and why.

        Raises UserError for values that Kconfig refuses everywhere, and for axes and fixed values
        that are never in effect. Unless `strict` the latter is allowed of fixed values.
        """
        causes = (self._effects.refused, self._effects.blocked, self._left_out)
        for choice in dict.fromkeys(choice for cause in causes for choice in cause):
            self._search(choice)
        self._effects.check(self.requests, strict)
        lost = {c: why for c, why in self._left_out.items() if c not in self._effects.took}
        return {choice: why for choice, why in lost.items() if choice[0] in self._axes}

    def _search(self, choice: Choice) -> None:
        """Draw with a value first until it takes effect, at the ends of intervals before else."""
        self._left_out.pop(choice, None)  # for the reason at an end, which is the plainest
        for number in range(SEARCHES):
            if choice in self._effects.took:
                break
            share = ENDS[number] if number < len(ENDS) else None
            self._completed_evenly(number, choice, share)

    def _completed_evenly(
        self, number: int, first: Choice | None = None, of_intervals: float | None = None
    ) -> Completion:
        """Return draw `number` of an even one; the value `first` is taken where it is valid.

        `of_intervals` is the share at which intervals are taken; None draws it too.
        """
        shares = random.Random(number)

        def choose(axis: Axis, options: Options) -> str:
            if isinstance(options, NumberInterval):
                return options.at(shares.random() if of_intervals is None else of_intervals)
            is_first = first and axis.name == first[0] and first[1] in options
            return first[1] if first and is_first else at_share(options, shares.random())

        return self.complete(choose)

    def _take(self, depth: int, request: Request, choose: Choose) -> str:
        """Assign a value of a request if it is active; return why there is none to assign."""
        if not self._walk.is_active(request):
            for value in request.values:
                self._effects.hide(self._walk.symbols, request.name, value)
            return ""
        axis = self._axes.get(request.name)
        options = self._options(depth, request)
        if not options:
            value = request.values[0]
            return f"CONFIG_{request.name}={value} {self._walk.why_not(request, value)}"
        self._walk.give(request, choose(axis, options) if axis else request.values[0])
        return ""

    def _options(self, depth: int, request: Request) -> Options:
        """Return what a request may be at this place, of its values those that lead on."""
        axis = self._axes.get(request.name)
        ordered = axis.options if axis and isinstance(axis.options, tuple) else request.values
        options = self._walk.options(request, ordered)
        if not isinstance(options, tuple):
            return options
        for value in ordered:
            if value not in options and (request.name, value) not in self._effects.refused:
                reason = self._walk.why_not(request, value)
                self._effects.refused[request.name, value] = reason
        if axis is None or request.name not in self._suspects:
            return options
        return self._leading_on(depth, request, options) or options

    def _leading_on(self, depth: int, request: Request, options: Sequence[str]) -> tuple[str, ...]:
        leading = []
        for value in options:
            if self._ahead.leads_on(depth, request, value):
                leading.append(value)
            else:
                self._left_out.setdefault((request.name, value), self._ahead.why)
        return tuple(leading)

    def _refused(self, why: str, blamed: frozenset[str]) -> Completion:
        return Completion(why=why, chosen=self._chosen(), blamed=blamed)

    def _blamed(self, number: int) -> frozenset[str]:
        """Return the symbols that the refusal of an even draw depends on, if it is refused."""
        return self._completed_evenly(number).blamed

    def _record_refusal(self, overruled: str, untrainable: str) -> None:
        for name, value in self._walk.given.items():
            if self.requests[name].interval:
                continue
            if overruled:
                self._effects.blocked.setdefault((name, value), overruled)
            else:
                self._left_out.setdefault((name, value), untrainable)

    def _record_effects(self) -> None:
        """Record which values took effect; of requests that are off those whose value holds so."""
        symbols = self._walk.symbols
        for request in self._walk.order:
            if request.name in self._walk.given:
                value = self._walk.given[request.name]
                self._effects.took.add((request.name, str(request.interval or value)))
                self._effects.shown.add(request.name)
            elif request.interval is None:
                held = (v for v in request.values if assign.holds(symbols, request, v))
                self._effects.took.update((request.name, value) for value in held)

    def _chosen(self) -> dict[str, str]:
        given = self._walk.given
        return {name: given[name] for name in self._axes if name in given}


def repeated(config: Config, requests: Requests) -> Iterator[Config]:
    """Yield a configuration with every requested seed that it has."""
    names = [name for name in REPETITION if name in requests and name in config]
    for values in itertools.product(*(requests[name].values for name in names)):
        yield {**config, **dict(zip(names, values, strict=True))}


def repetitions(requests: Requests) -> int:
    """Return with how many seeds each configuration is requested."""
    return math.prod(len(requests[name].values) for name in REPETITION if name in requests)


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
