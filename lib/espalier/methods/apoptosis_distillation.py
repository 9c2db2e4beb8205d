"""Distillation: see `espalier.apoptosis.strategies.distillation`."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Pace
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.component import symbol


@dataclass(frozen=True)
class Distillation(ApoptosisMethod):
    """Newborns are distilled from the dying, for `steps` steps, before they take over."""

    pace: Pace = Pace()
    steps: int = 10
    mutation: float | None = symbol("APOPTOSIS_MUTATION", 0.3)

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.distillation(self.steps, self.mutation or 0.0)
