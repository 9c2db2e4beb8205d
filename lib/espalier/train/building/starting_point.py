"""What a run starts from, where it is not what the model draws: weights and their preprocessing."""

from __future__ import annotations

from typing import Protocol

from torch import nn

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.data.transforms import Normalization

FILE, DIGEST = "INIT_FROM", "INIT_FROM_SHA256"


@kconfig_dataclass
class StartPlan:
    """The file to start from and its SHA-256, None for none; `fresh`: but for the last layer."""

    place: str | None = symbol(FILE)
    digest: str | None = symbol(DIGEST)
    fresh: bool | None = symbol("INIT_FROM_FRESH")


class StartingPoint(Protocol):
    """Weights to begin with, and what made images what they were trained on."""

    @property
    def normalization(self) -> Normalization | None:
        """Return the mean and deviation of each channel; None to fit them on the samples."""
        ...

    def check_images(self, channels: int, size: int | None) -> None:
        """Raise CannotTrain if the weights were trained on images of another kind."""
        ...

    def load_into(self, model: nn.Module, fresh: bool) -> None:
        """Give `model` the weights, with `fresh` all but its last layer's. Raises CannotTrain."""
        ...
