"""Scores of the edges that a network of masked blocks lacks: the higher, the more wanted.

Every function gives one tensor (outputs, inputs) for each of the blocks that it is asked for; what
they say of edges that are there means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.masked_blocks import Pair, dense_gradients
from espalier.methods.growth.placement.edge_scores import drawn
from espalier.methods.growth.placement.extrema import Extrema
from espalier.methods.growth.placement.unit_statistics import look
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses

Scores = dict[Pair, Tensor]


def random(run: Run[GrowthState], pairs: Sequence[Pair]) -> Scores:
    """Uniform in [0, 1): every edge is equally likely."""
    generator, sizes = run.generators["method"], run.method_state.net.sizes
    return {(i, j): torch.rand(sizes[j], sizes[i], generator=generator) for i, j in pairs}


def gradient(run: Run[GrowthState], pairs: Sequence[Pair]) -> Scores:
    """|dL/dw| on a batch of training samples drawn for it, in evaluation mode.

    Source: the growth of RigL, Evci et al. 2020, arXiv 1911.11134.
    """
    net = run.method_state.net
    x, y = drawn(run, run.batch_size)
    with evaluating(net), torch.enable_grad():
        trace = net.trace(x)
        slopes = dense_gradients(trace, mean_losses(trace.sums[-1], y, 1).sum())
    return {p: slopes[p].abs_() for p in pairs}


def extreme(run: Run[GrowthState], pairs: Sequence[Pair]) -> Scores:
    """Random, but 1 more into a dead unit, and 1 more out of a hot or saturated one.

    Source: the idea of StructureNet's growth at extrema.
    Differs: what is extreme is free of scale, and source and target are in different layers.
    """
    found, scores = extrema(run), random(run, pairs)
    for (i, j), wanted in scores.items():
        if j in found:
            wanted += found[j].dead.to(wanted).unsqueeze(1)
        if i in found:
            wanted += (found[i].hot | found[i].saturated).to(wanted)
    return scores


def extrema(run: Run[GrowthState]) -> Mapping[int, Extrema]:
    """The extrema of each hidden node, on training samples, in evaluation mode."""
    view = look(run)
    return {node: view.extrema(node) for node in range(1, len(view.values))}


RULES: Mapping[str, Callable[[Run[GrowthState], Sequence[Pair]], Scores]] = {
    "random": random,
    "gradient": gradient,
    "extrema": extreme,
}
"""By name."""
