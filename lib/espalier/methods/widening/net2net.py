"""Net2Net: new neurons are copies of old ones, whose outgoing weights are divided among them.

Source: Chen, Goodfellow and Shlens 2016, "Net2Net: Accelerating Learning via Knowledge Transfer",
arXiv 1511.05641, section 2.3 (Net2WiderNet).
Differs: shares of a copied weight may be uneven, by which copies part without a change of the
network; the noise of the paper, on the weights that make a copy, is an option. Layers are widened
in the middle of a run, and the optimizer's state of what is old is kept.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.widening_method import WideningMethod
from espalier.methods.widening.widening_state import WideningState
from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.resize import widen

HALF = 0.5
"""The share of an only child: as much as its parent keeps. Of c children each has 1 / (c + 1)."""


@kconfig_dataclass
class Net2Net(WideningMethod):
    """Each new neuron copies an old one, drawn with replacement.

    `uneven` is the noise of shares, `noise` the deviation of what is added to a copy's weights, as
    a share of their root mean square.
    """

    uneven: float
    noise: float

    @override
    @torch.no_grad()
    def add_neurons(self, run: Run[WideningState], site: EditContext, extra: int) -> None:
        pair, generator = site.pair, run.generators["method"]
        parents = torch.randint(pair.size, (extra,), generator=generator, device=generator.device)
        slots = widen(site, extra)
        portion = birth.Portion(HALF, self.uneven)
        birth.split(site, slots, parents.to(pair.device), generator, portion)
        if self.noise > 0:
            rows = pair.incoming()[slots]
            pair.write_incoming(slots, rows + self.noise * _noise_like(rows, generator))
            site.reset_state(slots)


def _noise_like(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Return normal noise with the root mean square of each of `rows` (n, fan_in)."""
    drawn = torch.randn(rows.shape, generator=generator, device=generator.device)
    return drawn.to(rows) * rows.square().mean(1, keepdim=True).sqrt()
