"""When edges are replaced in sparse training, and what share of them."""

from __future__ import annotations

import math

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class DropSchedule(RunSchedule):
    """The steps at which edges are replaced, and the fraction of them that is dropped.

    In the paper's letters: `initial_fraction` is alpha, `every` is Delta T, and `stop` times all
    updates is T_end, after which nothing is replaced.

    Source: Evci et al. 2020, Rigging the Lottery, arXiv 1911.11134, section 3.
    """

    initial_fraction: float = symbol("SPARSE_SHARE")  # of live edges, (0, 1)
    every: int = symbol("SPARSE_EVERY")  # steps
    stop: float = symbol("SPARSE_STOP")  # share of all updates, (0, 1]

    def is_due(self, step: int, total: int) -> bool:
        """Return whether an event follows update `step` (1 is the first) of `total`."""
        return step % self.every == 0 and self.drop_fraction(step, total) > 0 and step < total

    def drop_fraction(self, step: int, total: int) -> float:
        """Return f_decay: half a cosine from `initial_fraction` at step 0 to 0 at T_end."""
        done = step / self.end(total)
        return self.initial_fraction / 2 * (1 + math.cos(math.pi * done)) if done < 1 else 0.0

    def drop_count(self, live: int, step: int, total: int) -> int:
        """Return how many of `live` edges are dropped after update `step`, rounded down."""
        return math.floor(round(live * self.drop_fraction(step, total), 6))

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain if no event would come."""
        total = length.total_steps
        if not self.is_due(self.every, total):
            raise CannotTrain(
                "rewiring_never_starts",
                f"the first edges would be replaced after step {self.every}, but it ends at "
                f"{self.end(total):g} of {total} steps: lower CONFIG_SPARSE_EVERY or raise "
                "CONFIG_SPARSE_STOP or CONFIG_NUM_EPOCHS",
            )

    @override
    def rest(self, length: RunLength) -> Rest | None:
        total = length.total_steps
        return Rest(total - self.last_due(total), self.every, "SPARSE_STOP")

    def last_due(self, total: int) -> int:
        """Return the last of `total` updates that an event follows; 0 if there is none."""
        within = min(total, math.ceil(self.end(total))) - 1
        return within // self.every * self.every

    def end(self, total: int) -> float:
        """Return T_end, the step at which the share is 0, of `total` updates."""
        return round(self.stop * total, 6)
