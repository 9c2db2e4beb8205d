"""Samplers that learn only after some configurations drawn at random."""

from __future__ import annotations

from typing_extensions import override

from espalier.core import component
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.plan.samplers.model_based.model_sampler import ModelSampler


@kconfig_dataclass
class StartupSampler(ModelSampler):
    """Draws `startup` configurations at random before it learns."""

    startup: int = component.symbol("SAMPLER_STARTUP")

    @property
    @override
    def first(self) -> int:
        return self.startup
