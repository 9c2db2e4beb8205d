"""The grid: every combination that Kconfig allows."""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand
from espalier.plan.expand import Expansion
from espalier.plan.samplers.sampler import Sampler


@kconfig_dataclass
class GridSampler(Sampler):
    """Takes all combinations."""

    @override
    def sample(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        return expand.expand(symbols, requested, limit, strict)
