"""When growth is no longer worth it: what each round gained for the edges it added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class StopRule:
    """Growth ends after `rounds` in a row that gained less than `gain`, or at `most` live edges.

    `gain` is in nats of validation loss for each 1,000 edges that a round added.
    """

    most: int = symbol("INDEFINITE_MOST")
    gain: float = symbol("INDEFINITE_GAIN")
    rounds: int = symbol("INDEFINITE_ROUNDS")


@dataclass
class Rounds:
    """What came of the rounds so far. `loss` and `live`: validation and live edges at the last."""

    loss: float | None = None
    live: int = 0
    poor: int = 0  # rounds in a row that gained too little
    ended: str = ""  # why, if growth has

    def heed(self, rule: StopRule, loss: float, live: int) -> None:
        """A round is to begin, at a validation loss and a number of live edges."""
        if self.loss is not None and live > self.live:
            worth = 1000 * (self.loss - loss) / (live - self.live)
            self.poor = self.poor + 1 if worth < rule.gain else 0
        self.loss, self.live = loss, live
        if self.poor >= rule.rounds:
            self.ended = "gain"
        elif live >= rule.most:
            self.ended = "budget"

    def state_dict(self) -> dict[str, Any]:
        """Plain data that `Rounds(**...)` takes."""
        return vars(self).copy()
