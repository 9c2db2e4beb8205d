"""The random sampler: some of all feasible combinations, all of them equally likely.

The grid is expanded exactly, so nothing is drawn that Kconfig or a budget would refuse, and
nothing twice.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

from espalier.core.errors import UserError
from espalier.core.trial import REPETITION
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand
from espalier.plan.expand import Config, Expansion, TooManyError

TRIALS = "SAMPLER_TRIALS"
SEED = "SAMPLER_SEED"
SPACE = 100_000
"""The most combinations that are expanded to draw from."""


def at_random(symbols: Symbols, wanted: Requests, limit: int | None, strict: bool) -> Expansion:
    """CONFIG_SAMPLER_TRIALS of the combinations, in plan order, each with every seed.

    All of them if there are fewer. Arguments and errors as `expand.expand`; `limit` is of what is
    drawn, and there may be up to SPACE to draw from.
    """
    found = _space(symbols, _without_seeds(wanted), strict)
    feasible = list(found.configs.values())
    drawn, seed = int(found.settings[TRIALS]), int(found.settings[SEED])
    places = random.Random(seed).sample(range(len(feasible)), min(drawn, len(feasible)))
    chosen = [feasible[place] for place in sorted(places)]
    found.configs = {
        expand.identity(config): config for one in chosen for config in _repeated(one, wanted)
    }
    _check(len(found.configs), int(limit or found.settings[expand.LIMIT]))
    found.design = {
        "sampler": "random",
        "drawn": len(chosen),
        "combinations": len(feasible),
        "seed": seed,
    }
    return found


def _space(symbols: Symbols, wanted: Requests, strict: bool) -> Expansion:
    try:
        return expand.expand(symbols, wanted, SPACE, strict)
    except TooManyError as error:
        raise UserError(
            f"{error.path}: the random sampler draws from all that is feasible, and there are more "
            f"than {SPACE} combinations; narrow an axis"
        ) from None


def _without_seeds(wanted: Requests) -> Requests:
    return {
        name: replace(one, values=one.values[:1]) if name in REPETITION else one
        for name, one in wanted.items()
    }


def _repeated(config: Config, wanted: Requests) -> Iterator[Config]:
    """`config` with every value of the repetition symbols that it has."""
    names = [name for name in REPETITION if name in wanted and name in config]
    for values in itertools.product(*(wanted[name].values for name in names)):
        yield {**config, **dict(zip(names, values, strict=True))}


def _check(trials: int, limit: int) -> None:
    if trials > limit:
        raise UserError(
            f"CONFIG_{TRIALS}: with every seed these are {trials} trials, more than {limit}; draw "
            f"fewer, or allow it with MAX_TRIALS={trials} or CONFIG_{expand.LIMIT}"
        )
