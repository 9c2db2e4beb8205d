"""One dendritic layer and a linear layer.

Source: Chavlis and Poirazi 2025, "Dendrites endow artificial neural networks with accurate, robust
and parameter-efficient learning", Nature Communications 16:943; the smaller nets of the search
that the harness's guide describes.
Differs: synapses are stored compactly, so every stored number is one that is trained.
"""

from __future__ import annotations

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.dendritic import Dendritic


@kconfig_dataclass
class DendriticSimple(Dendritic):
    """N neurons of D dendrites of I inputs, and C classes.

    N D I + 2 N D + N + N C + C parameters; without somas, D dendrites and D I + D + D C + C.
    """
