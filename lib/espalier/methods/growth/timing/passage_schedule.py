"""When multi-scale training passes from pooled images to larger ones."""

from __future__ import annotations

from itertools import pairwise

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class PassageSchedule(RunSchedule):
    """Images are pooled by each of `factors` for a `share` of all epochs.

    The last factor, 1, holds for the remaining epochs.
    """

    factors: str = symbol("MULTISCALE_FACTORS")
    share: float = symbol("MULTISCALE_SHARE")

    def numbers(self) -> list[int]:
        """Return the factors. Raises CannotTrain unless each divides the one before, down to 1."""
        parts = [part.strip() for part in self.factors.split(",")]
        factors = [int(part) for part in parts if part.isdecimal() and int(part)]
        if len(factors) < max(len(parts), 2) or factors[-1] != 1:
            raise self.refusal("must be whole numbers with commas between that end with 1")
        if any(a % b or a == b for a, b in pairwise(factors)):
            raise self.refusal("each must be a divisor of the one before, and smaller")
        return factors

    def refusal(self, rule: str) -> CannotTrain:
        """Return the error of factors that break a rule."""
        return CannotTrain("factors", f"CONFIG_MULTISCALE_FACTORS={self.factors!r}: {rule}")

    def starts(self, epochs: int) -> list[int]:
        """Return how many epochs are done when each factor begins."""
        return [round(i * self.share * epochs + 1e-9) for i in range(len(self.numbers()))]

    @override
    def check_epochs(self, epochs: int) -> None:
        """Raise CannotTrain if a factor has no epoch."""
        starts = self.starts(epochs)
        if any(a >= b for a, b in pairwise([*starts, epochs])):
            raise CannotTrain(
                "scale_without_epochs",
                f"CONFIG_MULTISCALE_SHARE={self.share:g} of {epochs} epochs for each of "
                f"{len(starts) - 1} sizes of pooled images must leave each of them, and whole "
                "images, an epoch or more: change it or raise CONFIG_NUM_EPOCHS",
            )
