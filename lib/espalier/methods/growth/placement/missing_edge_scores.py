"""Grow criteria: the missing edges with the highest scores are added.

Every criterion returns a tensor (outputs, columns) for each of the given blocks; scores of live
edges mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.placement.extrema import Extrema
from espalier.methods.growth.placement.unit_statistics import loss, measure_units
from espalier.methods.growth.structure.edge_network import matrix_shape
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.train.random_batch import draw_batch

Scores = dict[Pair, Tensor]


def score_at_random(run: Run[GrowthState], pairs: Sequence[Pair]) -> Scores:
    """Return uniform scores in [0, 1): every edge is equally likely."""
    generator, net = run.generators["method"], run.method_state.net
    return {pair: torch.rand(matrix_shape(net, pair), generator=generator) for pair in pairs}


def score_pairs_by_gradient(run: Run[GrowthState], pairs: Sequence[Pair]) -> Scores:
    """Return |dL/dw| on a batch of training samples drawn for it, in evaluation mode.

    Source: the growth of RigL, Evci et al. 2020, arXiv 1911.11134.
    """
    batch = draw_batch(run, run.batch_size)
    gradients = run.method_state.editor.edge_gradients(batch, loss)
    return {p: gradients[p].abs_() for p in pairs}


def score_by_extrema(run: Run[GrowthState], pairs: Sequence[Pair]) -> Scores:
    """Return random scores, plus 1 into a dead unit and 1 out of a hot or saturated one.

    Source: the idea of StructureNet's growth at extrema.
    Differs: extrema are free of scale, and source and target are in different layers.
    """
    extrema, scores = find_hidden_extrema(run), score_at_random(run, pairs)
    for (i, j), block in scores.items():
        if j in extrema:
            block += extrema[j].dead.to(block).unsqueeze(1)
        if i in extrema:
            above = (extrema[i].hot | extrema[i].saturated).to(block)
            block += above.repeat_interleave(block.shape[1] // len(above))
    return scores


def find_hidden_extrema(run: Run[GrowthState]) -> Mapping[int, Extrema]:
    """Return the extrema of each hidden node, on training samples, in evaluation mode."""
    stats = measure_units(run)
    return {node: stats.extrema(node) for node in stats.hidden}


CRITERIA: Mapping[str, Callable[[Run[GrowthState], Sequence[Pair]], Scores]] = {
    "random": score_at_random,
    "gradient": score_pairs_by_gradient,
    "extrema": score_by_extrema,
}
