"""The budget of parameters: how many a model may have, and the dimension that is solved for it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from fractions import Fraction

from torch import nn

from espalier import component
from espalier.component import symbol
from espalier.config import Config
from espalier.contracts import CannotTrain, Model

UNSOLVED = "unsolved"
OVER = "over_budget"
UNDER = "under_budget"


@dataclass(frozen=True)
class Budget:
    """At most `most` trained parameters (0: any number), at least `share` of that, in [0, 1]."""

    most: int = symbol("MAX_PARAMS", 0)
    share: float | None = symbol("MIN_PARAMS_SHARE", 0.0)

    @property
    def least(self) -> int:
        """The fewest parameters that a model may have."""
        return math.ceil(Fraction(str(self.share or 0)) * self.most)

    def check(self, count: int) -> None:
        """Raise CannotTrain unless a model of so many parameters is within the budget."""
        if self.most and count > self.most:
            raise CannotTrain(
                OVER, f"CONFIG_MAX_PARAMS={self.most}: the model has {count} parameters"
            )
        if count < self.least:
            raise CannotTrain(
                UNDER,
                f"CONFIG_MIN_PARAMS_SHARE={self.share} of CONFIG_MAX_PARAMS={self.most}: the model "
                f"has {count} parameters, fewer than {self.least}",
            )


def unsolved(model: Model, config: Config) -> dict[str, str]:
    """The symbol of each field of the trial's `model` that is left to be solved for a budget."""
    prefix = config.read(component.KINDS["model"][1], str).upper()
    return {
        field.name: component.symbol_of(field, prefix)
        for field in dataclasses.fields(model)
        if field.name in model.free and getattr(model, field.name) == 0
    }


def check_solved(model: Model, config: Config) -> None:
    """Raise CannotTrain if a field of the trial's `model` was to be solved for a budget."""
    for name in unsolved(model, config).values():
        raise CannotTrain(
            UNSOLVED,
            f"CONFIG_{name}=0: is the largest number that a budget has room for, found when a "
            "sweep is planned; plan with CONFIG_MAX_PARAMS, or give a number",
        )


def check_built(module: nn.Module, config: Config) -> None:
    """Raise CannotTrain unless what was built for a trial is within its budget."""
    count = sum(p.numel() for p in module.parameters() if p.requires_grad)
    component.build(Budget, config, "").check(count)
