"""Dead units brought back to life where they are."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.reversible_operations import operation
from espalier.methods.growth.structure.structural_events import Event


@operation
@torch.no_grad()
def revive(ground: NetworkEditor, at: tuple[int, Tensor], x: Tensor, firing: float) -> Event:
    """Draw the incoming edges of units anew and let their outgoing ones begin at 0.

    `at` is a hidden node and its units (n,); the edges stay where they are. Weights are normal with
    the variance 2 over the live edges of a unit, and a bias is what makes it fire in the share
    `firing`, in (0, 1), of samples `x`. Exact for every input of which none of the units fired.

    Source: Sokar et al. 2023, "The dormant neuron phenomenon", arXiv:2302.12902 (ReDo).
    Differs: the size of the weights goes by the edges that there are, and the bias by the data.
    """
    node, units = at
    ground.check_hidden(node)
    ground.check_units(node, units.tolist())
    chosen = torch.zeros(ground.net.sizes[node], dtype=torch.bool, device=ground.device)
    chosen[units] = True
    _draw_incoming(ground, node, chosen)
    for pair, block in ground.net.out_of(node):
        ground.renew(pair, _where(block.mask & chosen))
    ground.set_biases(node, units, 0.0)
    sums = ground.net.trace(x).sums[node - 1][:, units]
    ground.set_biases(node, units, -sums.quantile(1 - firing, 0))
    return Event("revive", str(node), tuple((node, unit) for unit in units.tolist()))


def _draw_incoming(ground: NetworkEditor, node: int, chosen: Tensor) -> None:
    blocks = ground.net.into(node)
    live = torch.stack([block.mask.sum(1) for _, block in blocks]).sum(0)
    for pair, block in blocks:
        rows, columns = _where(block.mask & chosen.unsqueeze(1))
        fresh = torch.randn(len(rows), generator=ground.generator).to(block.weight)
        ground.renew(pair, (rows, columns), fresh * math.sqrt(2) * live[rows].rsqrt())


def _where(edges: Tensor) -> tuple[Tensor, Tensor]:
    rows, columns = edges.nonzero(as_tuple=True)
    return rows, columns
