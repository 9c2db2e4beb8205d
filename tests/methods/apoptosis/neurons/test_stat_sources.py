"""Where managers observe neurons."""

import torch
from torch import nn

from espalier.methods.apoptosis.neurons.stat_sources import LivePassStats
from espalier.surgery.pairing.pairs import find_pairs


def test_of_passes_with_one_backward_pass_the_last_is_seen():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    source = LivePassStats(find_pairs(model))
    source.prepare(True)
    first, last = torch.randn(3, 4), torch.randn(3, 4)
    (model(first).square().mean() + model(last).square().mean()).backward()
    assert torch.equal(source.collect()["0"].producer_input, last)
    model(first).square().mean().backward()
    model(last)  # nothing comes back through it
    assert torch.equal(source.collect()["0"].producer_input, first)
