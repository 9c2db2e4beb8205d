"""Sparse training of layers whose inputs come first: a unit is a column there."""

import loops
import torch
from method_pairs import PLAN
from torch import nn

from espalier.methods.pruning.magnitude import Magnitude
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.rigl import RiggedLottery
from espalier.methods.rewiring.static import Static
from espalier.optimizers.adam import Adam


def transposed_network():
    """A transposed convolution of two groups: 2 inputs and 2 x 2 places for each of 6 channels."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 1), nn.ConvTranspose2d(4, 6, 2, groups=2), nn.Flatten(), nn.Linear(150, 4)
    )


def run_of(method):
    return loops.run_of(Adam(), method, model=transposed_network())


def rows(tensor):
    """(6 channels, 8): what leads into each channel of the transposed convolution, by hand."""
    return torch.stack([tensor[2 * g : 2 * g + 2, c].flatten() for g in (0, 1) for c in range(3)])


def test_every_channel_keeps_an_edge_and_the_variance_of_its_sum():
    dense = rows(transposed_network()[1].weight.detach())
    run = run_of(Static(SparsePlan(density=0.5, init="live")))
    live, weight = rows(run.method_state.edges.live[1]), rows(run.model[1].weight.detach())
    assert live.shape == (6, 8) and live.any(1).all()
    gains = (8 / live.sum(1, keepdim=True)).sqrt()
    assert torch.allclose(weight, torch.where(live, dense * gains, 0.0))


def test_the_share_that_is_covered_is_a_final_measure():
    model = transposed_network()
    model[0].weight.requires_grad_(False)  # 4 of 4 + 48 + 600
    for method in (Static(SparsePlan(density=0.5)), Magnitude(PLAN)):
        run = loops.run_of(Adam(), method, model=model)
        assert run.method.connectivity(run)["prunable_share"] == 648 / 652


def test_rewiring_leaves_each_channel_its_largest_edge():
    run = run_of(RiggedLottery(SparsePlan(0.3), DropSchedule(0.9, every=1, stop=1.0)))
    for _ in range(10):
        loops.backward(run.model, run.step)
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
        sizes, live = rows(run.model[1].weight.detach().abs()), rows(run.method_state.edges.live[1])
        largest = (sizes * live).argmax(1)
        run.method.after_step(run)
        assert rows(run.method_state.edges.live[1])[range(6), largest].all()
