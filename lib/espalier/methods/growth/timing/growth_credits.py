"""A ledger of credits for growth: gains on validation pay for parameters, without debts.

Income is what a moving average of the validation loss has fallen below the lowest it ever was,
chance to begin with. So all income together is the real fall of the loss: noise that goes up
and down is not paid for over and over, and a network that is no better than chance earns
nothing. A parameter costs the more, the more there are.

Source: the idea is StructureNet's. Differs: there ten credits came with every spike of a statistic
that fires on noise, or one with every right answer on the test set, so that nothing was scarce.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from torch import Tensor

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.measurement.information import entropy


@dataclass(frozen=True)
class Price:
    """The price of a parameter added to n live ones: `first` (1 + n / `doubling`).

    So it costs twice as much once there are `doubling` of them, and the cost of a growth does not
    depend on the number of purchases that make it up.
    """

    first: float = 1.0
    doubling: float = 1e4

    def __post_init__(self) -> None:
        if not (0 < self.first < math.inf and 0 < self.doubling < math.inf):
            raise ValueError(f"price {self.first}, doubling {self.doubling}: both are above 0")

    def cost(self, added: int, live: int) -> float:
        """Return the price of adding `added` parameters to `live` ones."""
        return self.first * added * (1 + (live + added / 2) / self.doubling)

    def affordable(self, credits: float, live: int) -> int:
        """Return the largest number of parameters that `credits` buy on top of `live` ones."""
        if credits <= 0:
            return 0
        begin = self.doubling + live  # (begin + added)^2 - begin^2 = 2 doubling credits / first
        gained = 2 * self.doubling * credits / self.first
        count = int(gained / (begin + math.sqrt(begin * begin + gained)))
        while self.cost(count + 1, live) <= credits:
            count += 1
        while count > 0 and self.cost(count, live) > credits:  # rounding
            count -= 1
        return count


@dataclass(frozen=True)
class Entry:
    """A line of the ledger: `amount` credits came (income) or went (payment, below 0)."""

    kind: Literal["income", "payment"]
    amount: float
    added: int = 0
    live: int = 0


@dataclass
class Ledger:
    """Credits earned and spent. `chance`: the validation loss of the best constant answer, in nats.

    With `chance` the entropy of the validation labels, a network that ignores its input cannot earn
    anything: by Gibbs' inequality no constant answer has a lower cross entropy. `rate`: credits for
    each nat. `smoothing`: the share of the average that each validation leaves as it was, below 1.
    """

    chance: float
    price: Price = field(default_factory=Price)
    rate: float = 1000.0
    smoothing: float = 0.7
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not (0 < self.chance < math.inf and self.rate > 0 and 0 <= self.smoothing < 1):
            raise ValueError(
                f"chance {self.chance}, rate {self.rate}, smoothing {self.smoothing}: the first "
                "two are above 0, the last is from 0 to below 1"
            )
        self.average = self.lowest = self.chance

    @property
    def balance(self) -> float:
        """Credits in hand: all income less all payments, never below 0."""
        return max(0.0, math.fsum(entry.amount for entry in self.entries))

    def earn(self, loss: float) -> float:
        """Enter and return the income of a validation with mean loss `loss`, in nats; often 0.

        Raises ValueError for a loss that is not a number.
        """
        if not math.isfinite(loss):
            raise ValueError(f"the validation loss is {loss}: the run has diverged")
        self.average += (1 - self.smoothing) * (loss - self.average)
        income = self.rate * max(0.0, self.lowest - self.average)
        self.lowest = min(self.lowest, self.average)
        self.entries.append(Entry("income", income))
        return income

    def affordable(self, live: int) -> int:
        """Return how many parameters the balance buys on top of `live` ones."""
        return self.price.affordable(self.balance, live)

    def pay(self, added: int, live: int) -> None:
        """Pay for `added` parameters that have been added to `live` ones.

        Raises ValueError if nothing was added, or the balance does not cover it.
        """
        cost = self.price.cost(added, live)
        if added < 1 or cost > self.balance:
            raise ValueError(
                f"{added} parameters added to {live} cost {cost:g} credits of {self.balance:g}: "
                "a payment is for at least one, and makes no debt; ask affordable() first"
            )
        self.entries.append(Entry("payment", -cost, added, live))

    def state_dict(self) -> dict[str, Any]:
        """Return plain data for `load_state_dict`."""
        entries = [asdict(entry) for entry in self.entries]
        return {"average": self.average, "lowest": self.lowest, "entries": entries}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.average, self.lowest = saved["average"], saved["lowest"]
        names = [field.name for field in fields(Entry)]  # a snapshot of before may have more
        self.entries = [Entry(*(entry[name] for name in names)) for entry in saved["entries"]]


@kconfig_dataclass
class CreditOptions:
    """The income from validation and the price of parameters."""

    rate: float = symbol("GROWTH_INCOME")  # credits a nat
    price: float = symbol("GROWTH_PRICE")  # credits of the first parameter
    doubling: float = symbol("GROWTH_DOUBLING")  # live parameters
    smoothing: float = symbol("GROWTH_SMOOTHING")  # [0, 1)

    def open_ledger(self, labels: Tensor) -> Ledger:
        """Return an empty ledger for a network that is to predict validation `labels` (n,)."""
        price = Price(self.price, self.doubling)
        return Ledger(entropy(labels), price, self.rate, self.smoothing)


@kconfig_dataclass
class GrowthBudget:
    """The choice whether live edges cost something, and if so what."""

    pay: Literal["nothing", "credits"] = symbol("GROWTH_PAY")
    credits: CreditOptions | None = None
