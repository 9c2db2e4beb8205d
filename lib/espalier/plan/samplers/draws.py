"""Configurations drawn from a space one after the other, each of them once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from espalier.core.errors import UserError
from espalier.core.trial import Record
from espalier.kconfig.requests import Requests
from espalier.plan import expand
from espalier.plan.effect_check import Choice
from espalier.plan.expand import Config, Expansion
from espalier.plan.samplers.axes import Choose
from espalier.plan.samplers.drawing import SAMPLER
from espalier.plan.samplers.request_text import where
from espalier.plan.samplers.space import Space, repeated, repetitions

NOTHING_NEW = 1000
"""A draw ends after so many proposals in a row that give no new configuration."""


@dataclass
class Drawn:
    """What came of proposals: configurations by id, in their order, and what was left out."""

    configs: dict[str, Config] = field(default_factory=dict)  # each with its first seed
    proposals: int = 0
    same: int = 0  # proposals that came to a configuration that was there already
    reasons: dict[str, int] = field(default_factory=dict)  # refused proposals, by reason

    def add(self, config: Config, why: str) -> bool:
        """Count a proposal; return whether it is a configuration that is new."""
        self.proposals += 1
        if why:
            self.reasons[why] = self.reasons.get(why, 0) + 1
            return False
        is_new = self.configs.setdefault(expand.identity(config), config) is config
        self.same += not is_new
        return is_new


def draw(space: Space, proposals: Iterable[Choose], trials: int, limit: int | None) -> Drawn:
    """Return up to `trials` different configurations that proposals lead to.

    Raises UserError as soon as there are more than can be planned, which `limit` says as that of
    `expansion`.
    """
    drawn, in_vain = Drawn(), 0
    trials = min(trials, space.largest)
    times = repetitions(space.requests)
    allowed = _allowed(space, limit)
    for choose in proposals:
        completion = space.complete(choose)
        in_vain = 0 if drawn.add(completion.config, completion.why) else in_vain + 1
        if len(drawn.configs) * times > allowed:
            check_count(space.requests, trials * times, allowed)
        if len(drawn.configs) == trials or in_vain == NOTHING_NEW:
            break
    return drawn


def expansion(
    space: Space, drawn: Drawn, limit: int | None, strict: bool, design: Mapping[str, Any]
) -> Expansion:
    """Return what was drawn, each with every requested seed; `design` says how it was drawn.

    `limit` is the largest number of trials, by default CONFIG_SWEEP_MAX_TRIALS. Unless `strict`, a
    fixed value may have no effect. Raises UserError if nothing could be drawn, for values without
    effect, and if there are too many trials.
    """
    never = space.check_effects(strict)
    if not drawn.configs:
        raise _nothing(space.requests, drawn)
    configs = {
        expand.identity(config): config
        for base in drawn.configs.values()
        for config in repeated(base, space.requests)
    }
    check_count(space.requests, len(configs), _allowed(space, limit))
    spans = {n: str(r.interval) for n, r in space.requests.items() if r.interval}
    numbers = {"drawn": len(drawn.configs), "draws": drawn.proposals}
    whole = {**design, **numbers, "intervals": spans, "never": _grouped(never)}
    return Expansion(
        configs=configs,
        combinations=drawn.proposals,
        invalid=sum(drawn.reasons.values()),
        same=drawn.same,
        reasons=drawn.reasons,
        settings=space.settings,
        design={name: value for name, value in whole.items() if value not in ({}, [])},
        solved=space.solved,
    )


def _allowed(space: Space, limit: int | None) -> int:
    return limit or int(space.settings.get(expand.LIMIT, sys.maxsize))


def _grouped(never: Mapping[Choice, str]) -> list[Record]:
    """Return values that are never drawn as records with keys symbol, values and reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for (symbol, value), reason in never.items():
        groups.setdefault((symbol, reason), []).append(value)
    return [{"symbol": s, "values": values, "reason": why} for (s, why), values in groups.items()]


def check_count(requested: Requests, trials: int, limit: int) -> None:
    """Raise UserError if a draw is more `trials` than allowed, all seeds that are `requested`."""
    if trials > limit:
        name = f"{SAMPLER}_TRIALS"
        many = f"with every seed these are {trials} trials, more than {limit}"
        raise UserError(
            f"{where(requested, name, name)}: {many}; "
            f"draw fewer, or allow it with MAX_TRIALS={trials} or CONFIG_{expand.LIMIT}"
        )


def _nothing(requested: Requests, drawn: Drawn) -> UserError:
    place = next(iter(requested.values())).place
    why = max(drawn.reasons, key=lambda reason: drawn.reasons[reason])
    return UserError(f"{place.path}: none of {drawn.proposals} draws is a trial: {why}")
