"""The stop rule of growth: it ends when a round gains too little for the edges it added."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class StopRule:
    """A rule that ends growth after `rounds` with too little gain, or at `max_edges` live edges.

    The rounds are in a row and each gains less than `gain`, in nats of validation loss for each
    1,000 edges that it added.
    """

    max_edges: int = symbol("INDEFINITE_MOST")
    gain: float = symbol("INDEFINITE_GAIN")
    rounds: int = symbol("INDEFINITE_ROUNDS")


@dataclass
class StopState:
    """The rounds so far. `loss` and `live`: validation loss and live edges at the last one."""

    loss: float | None = None
    live: int = 0
    poor: int = 0  # rounds in a row that gained too little
    ended: str = ""  # why, if growth has

    def update(self, rule: StopRule, loss: float, live: int) -> None:
        """Judge the last round before the next begins, at this loss and number of live edges."""
        if self.loss is not None and live > self.live:
            worth = 1000 * (self.loss - loss) / (live - self.live)
            self.poor = self.poor + 1 if worth < rule.gain else 0
        self.loss, self.live = loss, live
        if self.poor >= rule.rounds:
            self.ended = "gain"
        elif live >= rule.max_edges:
            self.ended = "budget"
