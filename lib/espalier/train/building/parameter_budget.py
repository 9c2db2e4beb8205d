"""The parameter budget: how many parameters a model may have, and the field that it sets.

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
from espalier.core.self_measuring import count_masked
from espalier.core.trial_config import Config
from espalier.kconfig.config_dataclass import kconfig_dataclass

UNSOLVED = "unsolved"
OVER = "over_budget"
UNDER = "under_budget"


@kconfig_dataclass
class Budget:
    """The range of trained parameters: 0 is no limit, `min_share` is a share of it in [0, 1]."""

    limit: int = symbol("MAX_PARAMS")
    min_share: float | None = symbol("MIN_PARAMS_SHARE")

    @property
    def minimum(self) -> int:
        """Return the fewest parameters that a model may have."""
        return math.ceil(Fraction(str(self.min_share or 0)) * self.limit)

    def violation(self, count: int) -> tuple[str, str]:
        """Return the reason code and the rule that `count` parameters break, or empty texts."""
        if self.limit and count > self.limit:
            return OVER, f"CONFIG_MAX_PARAMS={self.limit}: the model has more parameters"
        if count < self.minimum:
            share = f"CONFIG_MIN_PARAMS_SHARE={self.min_share} of CONFIG_MAX_PARAMS={self.limit}"
            return UNDER, f"{share}: the model has fewer than {self.minimum} parameters"
        return "", ""


def unsolved_symbols(model: Model, config: Config) -> dict[str, str]:
    """Return the symbol of each field of the trial's `model` that is still to be solved."""
    prefix = config.read(component.KINDS["model"][1], str).upper()
    return {
        field.name: component.symbol_of(field, prefix)
        for field in dataclasses.fields(model)
        if field.name in model.free and getattr(model, field.name) == 0
    }


def check_solved(model: Model, config: Config) -> None:
    """Raise CannotTrain if a field of the trial's `model` is still to be solved."""
    for name in unsolved_symbols(model, config).values():
        raise CannotTrain(
            UNSOLVED,
            f"CONFIG_{name}=0: is the largest number that a budget has room for, found when a "
            "sweep is planned; plan with CONFIG_MAX_PARAMS, or give a number",
        )


def check_built(module: nn.Module, config: Config) -> None:
    """Raise CannotTrain unless the model of a trial is within its budget."""
    count = count_trained(module)
    code, rule = component.build(Budget, config, "").violation(count)
    if code:
        raise CannotTrain(code, f"{rule}: {count}")


def count_trained(module: nn.Module) -> int:
    """Count the parameters that `module` trains; masked ones do not count."""
    total = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    return total - count_masked(module)
