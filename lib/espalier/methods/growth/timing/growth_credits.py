"""A purse for growth: what validation has gained pays for parameters, and debts are not made.

Income is what a moving average of the validation loss has fallen below the lowest it ever was,
chance to begin with. So all income together is what the loss has really fallen: noise that goes up
and down is not paid for over and over, and a network that knows no better than chance earns
nothing. A parameter costs the more, the more there are.

Source: the idea is StructureNet's. Differs: there ten credits came with every spike of a statistic
that fires on noise, or one with every right answer on the test set, so that nothing was scarce.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal


@dataclass(frozen=True)
class Price:
    """What parameters cost: the one added to n live ones costs `first` (1 + n / `doubling`).

    So it costs twice as much once there are `doubling` of them, and what a growth costs does not
    depend on how many purchases it is made of.
    """

    first: float = 1.0
    doubling: float = 1e4

    def __post_init__(self) -> None:
        if not (0 < self.first < math.inf and 0 < self.doubling < math.inf):
            raise ValueError(f"price {self.first}, doubling {self.doubling}: both are above 0")

    def of(self, added: int, live: int) -> float:
        """What `added` parameters cost where `live` ones are."""
        return self.first * added * (1 + (live + added / 2) / self.doubling)

    def most(self, credits: float, live: int) -> int:
        """The largest number of parameters that `credits` buy where `live` ones are."""
        if credits <= 0:
            return 0
        begin = self.doubling + live  # (begin + added)^2 - begin^2 = 2 doubling credits / first
        wanted = 2 * self.doubling * credits / self.first
        most = int(wanted / (begin + math.sqrt(begin * begin + wanted)))
        while self.of(most + 1, live) <= credits:
            most += 1
        while most > 0 and self.of(most, live) > credits:  # rounding
            most -= 1
        return most


@dataclass(frozen=True)
class Entry:
    """A line of the ledger: `amount` credits came (income) or went (payment, below 0)."""

    kind: Literal["income", "payment"]
    amount: float
    added: int = 0
    live: int = 0


@dataclass
class Ledger:
    """Credits earned and spent. `chance`: the validation loss of knowing nothing, in nats.

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
        """Credits there are: all that came less all that went. Never below 0."""
        return max(0.0, math.fsum(entry.amount for entry in self.entries))

    def earn(self, loss: float) -> float:
        """The income of one validation with mean loss `loss`, in nats; often 0.

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
        """How many parameters the balance buys where `live` ones are."""
        return self.price.most(self.balance, live)

    def pay(self, added: int, live: int) -> None:
        """Pay for `added` parameters that were really added to `live` ones.

        Raises ValueError if nothing was added, or the balance does not cover it.
        """
        cost = self.price.of(added, live)
        if added < 1 or cost > self.balance:
            raise ValueError(
                f"{added} parameters added to {live} cost {cost:g} credits of {self.balance:g}: "
                "a payment is for at least one, and makes no debt; ask affordable() first"
            )
        self.entries.append(Entry("payment", -cost, added, live))

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs."""
        entries = [asdict(entry) for entry in self.entries]
        return {"average": self.average, "lowest": self.lowest, "entries": entries}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.average, self.lowest = saved["average"], saved["lowest"]
        names = [field.name for field in fields(Entry)]  # a snapshot of before may have more
        self.entries = [Entry(*(entry[name] for name in names)) for entry in saved["entries"]]
