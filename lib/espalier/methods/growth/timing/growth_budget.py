"""What growth may cost: the symbols of the ledger of credits."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.measurement.information import entropy
from espalier.methods.growth.timing.growth_credits import Ledger, Price


@kconfig_dataclass
class Purse:
    """What validation earns and parameters cost, as `growth_credits` counts them."""

    rate: float = symbol("GROWTH_INCOME")  # credits a nat
    price: float = symbol("GROWTH_PRICE")  # credits of the first parameter
    doubling: float = symbol("GROWTH_DOUBLING")  # live parameters
    smoothing: float = symbol("GROWTH_SMOOTHING")  # [0, 1)

    def begin(self, labels: Tensor) -> Ledger:
        """An empty purse of a network that is to tell `labels` (n,) of validation."""
        price = Price(self.price, self.doubling)
        return Ledger(entropy(labels), price, self.rate, self.smoothing)


@kconfig_dataclass
class GrowthBudget:
    """Whether live edges cost something, and if so what."""

    pay: Literal["nothing", "credits"] = symbol("GROWTH_PAY")
    purse: Purse | None = None
