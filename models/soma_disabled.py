"""Dendrites without somas, a fully connected layer behind them, and a linear layer.

Source: the `soma_disabled` architecture of the search that the harness's guide describes.
Differs: there, the hidden layer had as many units as classes, and nothing else could be trained.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.dendritic import Dendritic


@kconfig_dataclass
class SomaDisabled(Dendritic):
    """D dendrites of I inputs, then N units: D I + D + D N + N + N C + C parameters."""

    @property
    @override
    def has_soma(self) -> bool:
        return False

    @override
    def widths(self) -> tuple[int, ...]:
        return (self.neurons or 0,)
