"""The budget of parameters: how many a model may have, and which of its numbers it sets.

A number of a model that is `free` and 0 stands for the largest one that fits. A plan solves it
(see `budget_fit`), so a trial has the number itself; a run refuses what is left unsolved or does
not fit.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

from torch import nn

from espalier.core import component
from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Model
from espalier.core.self_measuring import masked
from espalier.core.trial_config import Config
from espalier.kconfig.config_dataclass import kconfig_dataclass

UNSOLVED = "unsolved"
OVER = "over_budget"
UNDER = "under_budget"


@kconfig_dataclass
class Budget:
    """At most `most` trained parameters (0: any number), at least `share` of that, in [0, 1]."""

    most: int = symbol("MAX_PARAMS")
    share: float | None = symbol("MIN_PARAMS_SHARE")

    @property
    def least(self) -> int:
        """The fewest parameters that a model may have."""
        return math.ceil(Fraction(str(self.share or 0)) * self.most)

    def why_not(self, count: int) -> tuple[str, str]:
        """Why a model of so many parameters is not within the budget: code and rule, or empty."""
        if self.most and count > self.most:
            return OVER, f"CONFIG_MAX_PARAMS={self.most}: the model has more parameters"
        if count < self.least:
            share = f"CONFIG_MIN_PARAMS_SHARE={self.share} of CONFIG_MAX_PARAMS={self.most}"
            return UNDER, f"{share}: the model has fewer than {self.least} parameters"
        return "", ""


def unsolved_symbols(model: Model, config: Config) -> dict[str, str]:
    """The symbol of each field of the trial's `model` that is left to be solved for a budget."""
    prefix = config.read(component.KINDS["model"][1], str).upper()
    return {
        field.name: component.symbol_of(field, prefix)
        for field in dataclasses.fields(model)
        if field.name in model.free and getattr(model, field.name) == 0
    }


def check_solved(model: Model, config: Config) -> None:
    """Raise CannotTrain if a field of the trial's `model` was to be solved for a budget."""
    for name in unsolved_symbols(model, config).values():
        raise CannotTrain(
            UNSOLVED,
            f"CONFIG_{name}=0: is the largest number that a budget has room for, found when a "
            "sweep is planned; plan with CONFIG_MAX_PARAMS, or give a number",
        )


def check_built(module: nn.Module, config: Config) -> None:
    """Raise CannotTrain unless what was built for a trial is within its budget."""
    count = count_trained(module)
    code, rule = component.build(Budget, config, "").why_not(count)
    if code:
        raise CannotTrain(code, f"{rule}: {count}")


def count_trained(module: nn.Module) -> int:
    """How many numbers `module` trains; those that its layers mask are none."""
    held = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    return held - masked(module)
