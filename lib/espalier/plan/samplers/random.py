"""The random sampler: some configurations, drawn evenly.

Where every axis is listed the grid is expanded exactly, and all combinations that can be trained
are equally likely. With an interval among the axes there is no such list: values are drawn axis by
axis, evenly among what is valid there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from typing_extensions import override

from espalier.core import component
from espalier.core.errors import UserError
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand, sensible_runs
from espalier.plan.expand import Expansion, TooManyError
from espalier.plan.samplers import draws
from espalier.plan.samplers.axes import Choose, at_share
from espalier.plan.samplers.sampler import Sampler
from espalier.plan.samplers.space import Space, repeated, without_repetition

SPACE = 100_000
"""The most combinations that are expanded to draw from."""


@kconfig_dataclass
class RandomSampler(Sampler):
    """Draws so many of the combinations, each with every seed."""

    trials: int = component.symbol("SAMPLER_TRIALS")
    seed: int = component.symbol("SAMPLER_SEED")

    @override
    def sample(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        """Draw them: of listed axes in plan order, and all of them if there are fewer.

        `limit` is of what is drawn, and there may be up to SPACE to draw from.
        """
        if any(request.interval for request in requested.values()):
            return self._from_intervals(symbols, requested, limit, strict)
        expansion = _feasible(symbols, without_repetition(requested), strict)
        feasible = list(expansion.configs.values())
        count = min(self.trials, len(feasible))
        places = random.Random(self.seed).sample(range(len(feasible)), count)
        expansion.configs = {
            expand.identity(config): config
            for place in sorted(places)
            for config in repeated(feasible[place], requested)
        }
        allowed = int(limit or expansion.settings[expand.LIMIT])
        draws.check_count(requested, len(expansion.configs), allowed)
        expansion.design = {
            "sampler": "random",
            "drawn": count,
            "combinations": len(feasible),
            "seed": self.seed,
        }
        return expansion

    def _from_intervals(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        """Draw axis by axis. The first ones stay the same if more are drawn."""
        space = Space(symbols, requested)
        drawn = draws.draw(space, _evenly(random.Random(self.seed)), self.trials, limit)
        return draws.expansion(
            space, drawn, limit, strict, {"sampler": "random", "seed": self.seed}
        )


def _evenly(numbers: random.Random) -> Iterator[Choose]:
    while True:
        yield lambda _, options: at_share(options, numbers.random())


def _feasible(symbols: Symbols, requested: Requests, strict: bool) -> Expansion:
    try:
        expansion = expand.expand(symbols, requested, SPACE, strict)
    except TooManyError as error:
        raise UserError(
            f"{error.path}: the random sampler draws from all that is feasible, and there are more "
            f"than {SPACE} combinations; narrow an axis, or draw from intervals, as in 8~256"
        ) from None
    sensible_runs.leave_out(expansion, requested)
    return expansion
