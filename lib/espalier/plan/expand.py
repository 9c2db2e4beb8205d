"""Expansion: requests walked depth first over one parsed tree into distinct configurations.

Every value takes, is INVALID (shown, does not stick: its branch is dropped and counted) or
INACTIVE (not shown: the axis collapses to nothing). What CONFIG_MAX_PARAMS has no room for is
left out too. Configurations with the same identity are one. A requested value that no
configuration has is an error.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from espalier.core.errors import UserError
from espalier.core.trial import Record
from espalier.kconfig import assign
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import budget_constraint, dependency_order
from espalier.plan.budget_constraint import Budgets
from espalier.plan.effect_check import EffectCheck
from espalier.plan.outside_files import weights_file
from espalier.plan.samplers.drawing import check_listed

ID_SCHEME = 1
"""Changes when the same configuration must get another id."""

LIMIT = "SWEEP_MAX_TRIALS"
SENSIBLE = 100_000
"""The most trials that a message advises to allow."""
LIMIT_OF_PARAMETERS = budget_constraint.LIMIT
VISITS_PER_TRIAL = 100
"""Refused combinations cost time too: a walk ends after this many for every trial allowed."""

Config = dict[str, str]


class TooManyError(UserError):
    """There are more trials than allowed; `path` is the file that asks for them."""

    def __init__(self, path: str, message: str) -> None:
        """`message` says how many, and what to do."""
        super().__init__(f"{path}: {message}")
        self.path = path


class Fault(NamedTuple):
    """Why a requested row is not a trial as it stands."""

    row: Mapping[str, str]
    reason: str


@dataclass
class Expansion:
    """What came of the requests: configurations by id in plan order, and what was left out.

    `combinations` is the full product, or the requested rows times the axes that they leave open;
    it equals configurations + invalid + inactive + same.
    """

    configs: dict[str, Config]
    combinations: int
    invalid: int = 0  # combinations that Kconfig refuses, or a budget has no room for
    inactive: int = 0  # combinations that differ only in symbols that are off
    same: int = 0  # combinations whose effective configuration came up before
    reasons: dict[str, int] = field(default_factory=dict)  # left out, by reason
    settings: Config = field(default_factory=dict)  # effective symbols outside the identity
    faults: list[Fault] = field(default_factory=list)  # rows that are refused or partly off
    design: Record = field(default_factory=dict)  # of a sampler: how it chose
    solved: set[str] = field(default_factory=set)  # symbols whose numbers a budget gave

    def counts(self) -> dict[str, int]:
        """Return the numbers above by name."""
        names = ("combinations", "invalid", "inactive", "same")
        return {"trials": len(self.configs), **{name: getattr(self, name) for name in names}}


def identity(config: Mapping[str, str]) -> str:
    """Return the id of a configuration: 12 hex digits of the hash of its canonical values.

    The path of a file that has its own digest among them is not part of it.
    """
    values = weights_file.identity_part(config)
    text = json.dumps([ID_SCHEME, values], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def expand(
    symbols: Symbols,
    requests: Requests,
    limit: int | None,
    strict: bool,
    rows: Sequence[Mapping[str, str]] = ({},),
) -> Expansion:
    """Return the distinct configurations of `requests`, axes in order, the last one fastest.

    Each of `rows` gives the same axes one value each; the others take all of theirs in every row.
    What is wrong with a row is not raised but is among the result's `faults`.
    `limit` is the largest number of them; None takes CONFIG_SWEEP_MAX_TRIALS as requested. A
    fixed value whose symbol is never shown is an error only if `strict`: in a complete `.config`
    a test matrix can leave some without effect.

    Raises UserError; the user values of the tree are left as they fell.
    """
    check_listed(symbols, requests)
    symbols.kconf.warn = False  # every value is checked here
    symbols.kconf.unset_values()
    walk = _Walk(symbols, requests, limit, rows)
    for row in rows:
        walk.row = row
        walk.step(0, 1)
    if not walk.result.faults:  # else a value may only be off in the rows that happen to have it
        walk.budgets.check()
        walk.effects.check(requests, strict)
    return walk.finish()


class _Walk:
    """The state of one depth-first walk."""

    def __init__(
        self,
        symbols: Symbols,
        requests: Requests,
        limit: int | None,
        rows: Sequence[Mapping[str, str]],
    ) -> None:
        self.symbols = symbols
        self.order = dependency_order.by_dependency(symbols, requests)
        self.axes = {n: _positions(r) for n, r in requests.items() if r.is_axis}
        self.independent = dependency_order.independent(symbols, self.axes, requests)
        self.row = rows[0]  # the axes that have one value for now
        self.rest = _products([len(self._values(request)) for request in self.order])
        self.limit = limit
        self.path: dict[str, str] = {}  # active requests and their values, in walk order
        self.off: list[Request] = []  # inactive requests
        self.placed: dict[str, tuple[tuple[int, ...], Config]] = {}
        self.effects = EffectCheck()
        self.budgets = Budgets(symbols, requests)
        self.visits = 0
        self.result = Expansion({}, self.rest[0] * len(rows))

    def step(self, depth: int, weight: int) -> None:
        """Assign request number `depth`; `weight` combinations have led here."""
        if depth == len(self.order):
            self._leaf(weight)
            return
        request = self.order[depth]
        if assign.is_active(self.symbols, request.name):
            for value in self._values(request):
                self._try(request, value, depth, weight)
            self.path.pop(request.name)
        else:
            self._skip(request, depth, weight)

    def finish(self) -> Expansion:
        """Return the expansion, its configurations in plan order."""
        ordered = sorted(self.placed.items(), key=lambda item: item[1][0])
        self.result.configs = {key: config for key, (_, config) in ordered}
        self.result.solved = self.budgets.solved
        return self.result

    def _skip(self, request: Request, depth: int, weight: int) -> None:
        values = self._values(request)
        for value in values:
            self.effects.hide(self.symbols, request.name, value)
        if request.name in self.row:
            why = self.effects.hidden[request.name, values[0]]
            self._fault(f"CONFIG_{request.name}={values[0]} is off: {why}")
        self.off.append(request)
        self.step(depth + 1, weight * len(values))
        self.off.pop()

    def _try(self, request: Request, value: str, depth: int, weight: int) -> None:
        assign.put(self.symbols, request.name, value)
        self.path[request.name] = value
        if assign.holds(self.symbols, request, value):
            self.step(depth + 1, weight)
        else:
            reason = assign.why_invalid(self.symbols, request.name, value)
            self.effects.refused.setdefault((request.name, value), reason)
            self._drop(f"CONFIG_{request.name}={value} {reason}", weight * self.rest[depth + 1])

    def _drop(self, reason: str, weight: int) -> None:
        self._leave_out(reason, weight)
        for choice in self.path.items():
            self.effects.blocked.setdefault(choice, reason)

    def _leave_out(self, reason: str, weight: int) -> None:
        self._count_visit()
        self._fault(reason)
        self.result.invalid += weight
        self.result.reasons[reason] = self.result.reasons.get(reason, 0) + weight

    def _fault(self, reason: str) -> None:
        if self.row:
            self.result.faults.append(Fault(self.row, reason))

    def _values(self, request: Request) -> tuple[str, ...]:
        return (self.row[request.name],) if request.name in self.row else request.values

    def _leaf(self, weight: int) -> None:
        config = assign.effective_config(self.symbols, self.symbols.identity)
        if overruled := assign.overruled(self.symbols, self.order, self.path, config):
            self._drop(overruled, weight)
            return
        if not self.result.settings:
            settings = assign.effective_config(self.symbols, self.symbols.settings)
            self.result.settings = settings
        if not self.visits:
            self._require_room()
        self.effects.took.update(self.path.items())
        self.effects.took.update(
            (r.name, v)
            for r in self.off
            for v in self._values(r)
            if assign.holds(self.symbols, r, v)
        )
        config = weights_file.with_digest(config, is_swept=weights_file.FILE in self.axes)
        config, why = self.budgets.fitted(config)
        if why:  # no matter of the values: each may do beside others
            self._leave_out(why, weight)
            return
        self.result.inactive += weight - 1
        self._keep(config)

    def _keep(self, config: Config) -> None:
        key = identity(config)
        place = tuple(at.get(self.path.get(name, ""), -1) for name, at in self.axes.items())
        if key in self.placed:
            self.result.same += 1
            place = min(place, self.placed[key][0])
        self.placed[key] = (place, config)
        self._count_visit()

    def _require_room(self) -> None:
        """Raise TooManyError at once if independent axes alone have more values than allowed.

        The first configuration has been reached. Of an axis that nothing else depends on, each
        value that holds there gives another one, whatever the values of the other such axes.
        """
        free = [r for r in self.order if r.name in self.path and r.name in self.independent]
        if LIMIT_OF_PARAMETERS not in self.path:
            self._check_limit(math.prod(map(self._count_holding, free)))

    def _count_holding(self, axis: Request) -> int:
        """Return how many values of an axis hold beside the present ones of all others."""
        held, kept = 0, self.path[axis.name]
        for value in self._values(axis):
            assign.put(self.symbols, axis.name, value)
            held += assign.holds(self.symbols, axis, value)
        assign.put(self.symbols, axis.name, kept)
        return held

    def _count_visit(self) -> None:
        self.visits += 1
        self._check_limit(len(self.placed))

    def _check_limit(self, trials: int) -> None:
        if self.limit is None:
            self.limit = int(assign.effective(self.symbols, LIMIT))
        if trials > self.limit or self.visits > VISITS_PER_TRIAL * self.limit:
            raise _too_many(self.order, self.result.combinations, self.limit)


def _too_many(requests: Iterable[Request], combinations: int, limit: int) -> TooManyError:
    axes = sorted((r for r in requests if r.is_axis), key=lambda r: -len(r.values))
    sizes = ", ".join(f"CONFIG_{r.name} has {len(r.values)} values" for r in axes[:4])
    allow = f", or allow it with MAX_TRIALS={combinations} or CONFIG_{LIMIT}"
    return TooManyError(
        axes[0].place.path,
        f"more than {limit} trials ({combinations} combinations: {sizes}); "
        f"narrow an axis{allow if combinations <= SENSIBLE else ''}",
    )


def _positions(request: Request) -> dict[str, int]:
    return {value: i for i, value in enumerate(request.values)}


def _products(sizes: list[int]) -> list[int]:
    """Return the product of `sizes[d:]` for each d; the last is the empty product, 1."""
    return [math.prod(sizes[d:]) for d in range(len(sizes) + 1)]
