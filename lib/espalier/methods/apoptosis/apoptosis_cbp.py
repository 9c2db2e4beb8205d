"""Continual backpropagation: see `espalier.methods.apoptosis.strategies.continual_backprop`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from typing_extensions import override

from espalier.core.contracts import Run
from espalier.core.run_length import RunLength
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Pace
from espalier.methods.apoptosis.measurement.metered_method import MeteredManager
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy
from espalier.methods.apoptosis.neurons.stat_sources import LivePassStats, StatSource
from espalier.surgery.pairing.pairs import Pair


@kconfig_dataclass
class ContinualBackpropagation(ApoptosisMethod):
    """A share `rate` of the mature neurons after each update, judged on the update's own batch."""

    packable: ClassVar[bool] = False  # neurons are observed by hooks on the modules

    rate: float
    fold: bool

    @property
    @override
    def pace(self) -> Pace:
        return Pace(self.rate, 1)

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.continual_backprop(self.fold, self.settings.victims or "rule")

    @override
    def options(self, length: RunLength) -> dict[str, Any]:
        """Return the options of the settings; a mature neuron is older than `maturity`."""
        return {**super().options(length), "maturity": self.settings.maturity + 1}

    @override
    def stat_source(
        self, run: Run[MeteredManager[ApoptosisManager]]
    ) -> Callable[[list[Pair]], StatSource]:
        return LivePassStats
