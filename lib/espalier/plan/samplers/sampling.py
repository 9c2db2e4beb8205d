"""Samplers: which combinations of the axes become trials.

Each is a component: a module of this folder with a Kconfig fragment beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.trial_config import Config
from espalier.kconfig import assign, range_file
from espalier.kconfig.range_file import Setting
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan.expand import Expansion
from espalier.plan.samplers.drawing import SAMPLER, check_settings
from espalier.plan.samplers.grid import GridSampler
from espalier.plan.samplers.sampler import Sampler

T = TypeVar("T", bound=Sampler)

KIND = "sampler"
GIVEN = "the command line"


def sample(symbols: Symbols, requested: Requests, limit: int | None, strict: bool) -> Expansion:
    """Expand requests with their CONFIG_SAMPLER; arguments and errors as `expand.expand`."""
    sampler = chosen(symbols, requested)
    if strict:
        check_settings(symbols, requested)
    return sampler.sample(symbols, requested, limit, strict)


def chosen(symbols: Symbols, requested: Requests) -> Sampler:
    """Return the sampler that requests select, with its settings."""
    if SAMPLER not in symbols:
        return GridSampler()
    symbols.kconf.unset_values()
    for request in requested.values():
        if not symbols.in_identity(request.name):
            assign.put(symbols, request.name, request.values[0])
    settings = assign.effective_config(symbols, symbols.settings)
    return component.select(KIND, Config(settings), Sampler)


def of_settings(settings: Mapping[str, str], base: type[T]) -> T:
    """Return the sampler of a plan with these settings, which must be a `base`."""
    return component.select(KIND, Config(settings), base)


def names() -> list[str]:
    """Return the names of all samplers, sorted."""
    return component.names(KIND)


def sampler_setting(name: str) -> Setting:
    """Return the command line's setting of a sampler. Raises UserError if there is none such."""
    if name not in names():
        raise UserError(f"{SAMPLER}={name}: must be one of {', '.join(names())}")
    return range_file.assign(SAMPLER, name, GIVEN)


def draw_setting(name: str, number: int) -> Setting:
    """Return the command line's setting of what is shared by samplers that draw."""
    return range_file.assign(f"{SAMPLER}_{name}", str(number), GIVEN)
