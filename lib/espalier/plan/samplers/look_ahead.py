"""Whether something comes of a value, before a sampler is offered it.

A search with conflict sets: what refuses a configuration names the symbols that it can depend on,
and only those of them are tried with other values.

Source: Prosser 1993, "Hybrid algorithms for the constraint satisfaction problem" (conflict-directed
backjumping).
"""

from __future__ import annotations

from espalier.kconfig.number_range import Interval
from espalier.kconfig.requests import Request
from espalier.plan.samplers.tree_walk import TreeWalk

LONGEST = 200
"""Configurations that are tried at most to say whether something comes of a value."""
SHARES = (0.5, 0.0, 1.0)
"""The places in intervals that are tried."""

Conflict = frozenset[str]
"""The symbols that a refusal depends on."""


class LookAhead:
    """Looks from a place of a walk for a configuration that is a trial."""

    def __init__(self, walk: TreeWalk) -> None:
        self._walk = walk
        self._shares = SHARES if any(request.interval for request in walk.order) else SHARES[:1]
        self._share = SHARES[0]
        self._visits = 0
        self._reasons: dict[str, None] = {}
        self._refused: dict[tuple[str, str], list[tuple[dict[str, str], str]]] = {}

    @property
    def why(self) -> str:
        """Why nothing came of the last value: the first reason."""
        return next(iter(self._reasons), "")

    def leads_on(self, depth: int, request: Request, value: str) -> bool:
        """Return whether something may come of a value of request number `depth`.

        Of listed values that is exact. Where the reasons to refuse it differ with the numbers of
        intervals, or where it takes long to say, something may.
        """
        if self._is_refused_as_before(request.name, value):
            return False
        reasons, blamed = [], Conflict()
        for share in self._shares:
            self._share, self._visits, self._reasons = share, 0, {}
            conflict = self._conflict_with(depth, request, value)
            if conflict is None:
                return True
            reasons.append(frozenset(self._reasons))
            blamed |= conflict
        if len(set(reasons)) > 1:
            return True
        self._remember(request.name, value, blamed)
        return False

    def _is_refused_as_before(self, name: str, value: str) -> bool:
        given = self._walk.given.items()
        for values, why in self._refused.get((name, value), []):
            if values.items() <= given:
                self._reasons = {why: None}
                return True
        return False

    def _remember(self, name: str, value: str, blamed: Conflict) -> None:
        given = {n: v for n, v in self._walk.given.items() if n in blamed}
        self._refused.setdefault((name, value), []).append((given, self.why))

    def _conflict_with(self, depth: int, request: Request, value: str) -> Conflict | None:
        self._walk.give(request, value)
        conflict = self._conflict(depth + 1)
        del self._walk.given[request.name]
        return conflict

    def _conflict(self, depth: int) -> Conflict | None:
        """Return what refuses all that follows from the values so far; None if a trial does."""
        if depth == len(self._walk.order):
            return self._conflict_of_leaf()
        request = self._walk.order[depth]
        if not self._walk.is_active(request):
            return self._conflict(depth + 1)
        blamed: set[str] = set()
        for value in self._tried(request):
            conflict = self._conflict_with(depth, request, value)
            if conflict is None or request.name not in conflict:
                return conflict  # other values would be refused as this one is
            blamed |= conflict
        return Conflict({*blamed, *self._walk.needs(request.name)} - {request.name})

    def _tried(self, request: Request) -> tuple[str, ...]:
        options = self._walk.options(request, request.values)
        if isinstance(options, Interval):
            return (options.at(self._share),)
        if not options:
            value = request.values[0]
            why = self._walk.why_not(request, value)
            self._reasons.setdefault(f"CONFIG_{request.name}={value} {why}")
        return options

    def _conflict_of_leaf(self) -> Conflict | None:
        self._visits += 1
        outcome = self._walk.outcome()
        if not outcome.why or self._visits == LONGEST:
            return None
        self._reasons.setdefault(outcome.why)
        return outcome.blamed
