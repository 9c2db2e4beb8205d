"""The random sampler: some of all feasible combinations, all of them equally likely.

The grid is expanded exactly, so nothing is drawn that Kconfig, a budget or a run would refuse, and
nothing twice.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from typing_extensions import override

from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.trial import REPETITION
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand, sensible_runs
from espalier.plan.expand import Config, Expansion, TooManyError
from espalier.plan.samplers.sampler import Sampler
from espalier.plan.samplers.space import without_repetition

SPACE = 100_000
"""The most combinations that are expanded to draw from."""


@kconfig_dataclass
class Random(Sampler):
    """Draws so many of the combinations, each with every seed."""

    trials: int = component.symbol("SAMPLER_TRIALS")
    seed: int = component.symbol("SAMPLER_SEED")

    @override
    def sample(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        """Draw them in plan order: all of them if there are fewer.

        `limit` is of what is drawn, and there may be up to SPACE to draw from.
        """
        expansion = _space(symbols, without_repetition(requested), strict)
        feasible = list(expansion.configs.values())
        count = min(self.trials, len(feasible))
        places = random.Random(self.seed).sample(range(len(feasible)), count)
        chosen = [feasible[place] for place in sorted(places)]
        expansion.configs = {
            expand.identity(config): config
            for base in chosen
            for config in _repeated(base, requested)
        }
        _check(len(expansion.configs), int(limit or expansion.settings[expand.LIMIT]))
        expansion.design = {
            "sampler": "random",
            "drawn": len(chosen),
            "combinations": len(feasible),
            "seed": self.seed,
        }
        return expansion


def _space(symbols: Symbols, requested: Requests, strict: bool) -> Expansion:
    try:
        expansion = expand.expand(symbols, requested, SPACE, strict)
    except TooManyError as error:
        raise UserError(
            f"{error.path}: the random sampler draws from all that is feasible, and there are more "
            f"than {SPACE} combinations; narrow an axis"
        ) from None
    sensible_runs.leave_out(expansion, requested)
    return expansion


def _repeated(config: Config, requested: Requests) -> Iterator[Config]:
    """Yield `config` with every value of the repetition symbols that it has."""
    names = [name for name in REPETITION if name in requested and name in config]
    for values in itertools.product(*(requested[name].values for name in names)):
        yield {**config, **dict(zip(names, values, strict=True))}


def _check(trials: int, limit: int) -> None:
    if trials > limit:
        raise UserError(
            f"CONFIG_SAMPLER_TRIALS: with every seed these are {trials} trials, more than {limit}; "
            f"draw fewer, or allow it with MAX_TRIALS={trials} or CONFIG_{expand.LIMIT}"
        )
