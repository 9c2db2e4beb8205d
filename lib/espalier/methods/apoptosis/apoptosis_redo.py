"""ReDo: see `espalier.methods.apoptosis.strategies.redo`."""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ANY_RATE, ApoptosisStrategy


@kconfig_dataclass
class ReDoMethod(ApoptosisMethod):
    """All neurons below a `threshold`, every `period` steps."""

    threshold: float
    period: int

    @property
    @override
    def pace(self) -> Pace:
        return Pace(ANY_RATE, self.period)

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.redo(self.threshold, self.settings.victims or "rule")
