"""What growth may cost: the symbols of the ledger of credits."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from espalier.component import symbol
from espalier.growth.credits import Ledger, Price
from espalier.growth.information import entropy
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Purse:
    """What validation earns and parameters cost: see `espalier.growth.credits`."""

    rate: float = symbol("GROWTH_INCOME")  # credits a nat
    price: float = symbol("GROWTH_PRICE")  # credits of the first parameter
    doubling: float = symbol("GROWTH_DOUBLING")  # live parameters
    smoothing: float = symbol("GROWTH_SMOOTHING")  # [0, 1)

    def begin(self, labels: Tensor) -> Ledger:
        """An empty purse of a network that is to tell `labels` (n,) of validation."""
        price = Price(self.price, self.doubling)
        return Ledger(entropy(labels), price, self.rate, self.smoothing)


@kconfig_dataclass
class Economy:
    """Whether live edges cost something, and if so what."""

    pay: Literal["nothing", "credits"] = symbol("GROWTH_PAY")
    purse: Purse | None = None
