"""Whether something comes of a value, before a sampler is offered it."""

from __future__ import annotations

from espalier.kconfig.number_range import Interval
from espalier.kconfig.requests import Request
from espalier.plan.samplers.tree_walk import TreeWalk

LONGEST = 200
"""Configurations that are tried at most to say whether something comes of a value."""
SHARES = (0.5, 0.0, 1.0)
"""The places in intervals that are tried."""


class LookAhead:
    """Looks from a place of a walk for a configuration that is a trial."""

    def __init__(self, walk: TreeWalk) -> None:
        self._walk = walk
        self._shares = SHARES if any(request.interval for request in walk.order) else SHARES[:1]
        self._share = SHARES[0]
        self._visits = 0
        self._reasons: dict[str, None] = {}

    @property
    def why(self) -> str:
        """Why nothing came of the last value: the first reason."""
        return next(iter(self._reasons), "")

    def leads_on(self, depth: int, request: Request, value: str) -> bool:
        """Return whether something may come of a value of request number `depth`.

        Of listed values that is exact. Where the reasons to refuse it differ with the numbers of
        intervals, or where it takes long to say, something may.
        """
        reasons = []
        for share in self._shares:
            self._share, self._visits, self._reasons = share, 0, {}
            if self._completes_with(depth, request, value):
                return True
            reasons.append(frozenset(self._reasons))
        return len(set(reasons)) > 1

    def _completes_with(self, depth: int, request: Request, value: str) -> bool:
        self._walk.give(request, value)
        completes = self._completes(depth + 1)
        del self._walk.given[request.name]
        return completes

    def _completes(self, depth: int) -> bool:
        if depth == len(self._walk.order):
            return self._is_trial()
        request = self._walk.order[depth]
        if not self._walk.is_active(request):
            return self._completes(depth + 1)
        options = self._walk.options(request, request.values)
        if isinstance(options, Interval):
            options = (options.at(self._share),)
        if not options:
            value = request.values[0]
            why = self._walk.why_not(request, value)
            self._reasons.setdefault(f"CONFIG_{request.name}={value} {why}")
        return any(self._completes_with(depth, request, value) for value in options)

    def _is_trial(self) -> bool:
        self._visits += 1
        why = self._walk.outcome().why
        if why:
            self._reasons.setdefault(why)
        return not why or self._visits == LONGEST
