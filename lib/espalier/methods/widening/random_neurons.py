"""Random growth: new neurons with the weights that a layer is initialised with, read by nobody.

Source: the control of Evci et al. 2022, "GradMax", arXiv 2201.05125, section 4 (Random).
Differs: incoming weights are those drawn and outgoing ones 0, where the paper's are the other way
round; either way the network stays as it is.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.widening_method import WideningMethod
from espalier.methods.widening.widening_state import WideningState
from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.resize import widen


@kconfig_dataclass
class RandomNeurons(WideningMethod):
    """Neurons as at the beginning of training."""

    @override
    def add_neurons(self, run: Run[WideningState], site: EditContext, extra: int) -> None:
        birth.fresh(site, widen(site, extra), run.generators["method"])
