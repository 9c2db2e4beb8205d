"""GradMax: new neurons whose weights get the largest gradient that any could.

Source: Evci et al. 2022, "GradMax: Growing Neural Networks using Gradient Information", arXiv
2201.05125, equations 5 to 8 and algorithm 1.
Differs: as `espalier.surgery.gradmax` says. The layers of an event are widened one after another,
each with passes of its own, in evaluation mode. Outgoing weights are as long as others by default,
where the public code's configurations halve them.
"""

from __future__ import annotations

import torch
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.widening_method import WideningMethod
from espalier.methods.widening.widening_state import WideningState
from espalier.sparse import processes
from espalier.surgery import gradmax
from espalier.surgery.edit_context import EditContext
from espalier.surgery.gradmax import CrossMoment
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.probe import evaluating
from espalier.surgery.resize import widen
from espalier.train.engine.losses import mean_losses
from espalier.train.random_batch import draw_batch


@kconfig_dataclass
class GradMaxNeurons(WideningMethod):
    """Incoming weights of 0; outgoing ones the top left singular vectors of the cross gradient.

    It is taken over so many `batches`. Outgoing weights are `scale` times as long as those of the
    other neurons on average.
    """

    batches: int
    scale: float

    @override
    def passes(self) -> int:
        return self.batches

    @override
    def check_pair(self, pair: Pair) -> None:
        gradmax.check_pair(pair)

    @override
    def add_neurons(self, run: Run[WideningState], site: EditContext, extra: int) -> None:
        moment = self._cross_moment(run, site.pair)
        slots = widen(site, extra)
        gradmax.gradmax(site, slots, moment, run.generators["method"], self.scale)

    def _cross_moment(self, run: Run[WideningState], pair: Pair) -> CrossMoment:
        """Return the sum over batches of output gradients of the consumer times inputs."""
        moment, weight = CrossMoment(pair), pair.producer.weight
        with evaluating(run.model), moment.watching(), torch.enable_grad():
            for _ in range(self.batches):
                x, y = draw_batch(run, run.batch_size, counted=False)
                torch.autograd.grad(mean_losses(run.model(x), y, 1)[0], weight)
        processes.average([moment.matrix])
        return moment
