"""A dendritic layer, a fully connected hidden layer, and a linear layer.

Source: the `dendritic_with_hidden` architecture of the search that the harness's guide describes.
Differs: there is no second leaky ReLU behind the somas, which end in one.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.dendritic import Dendritic


@kconfig_dataclass
class DendriticWithHidden(Dendritic):
    """`DendriticSimple` with H units before the output: N H + H + H C + C in place of N C + C."""

    hidden: int = symbol("DENDRITES_HIDDEN")

    @override
    def widths(self) -> tuple[int, ...]:
        return (self.hidden,)
