"""How a trained sparse network hangs together, by hand, and what trials say of it."""

from __future__ import annotations

import loops
import torch
from torch import nn

from espalier.layers.masked_blocks import Blocks
from espalier.layers.reachability import measure
from espalier.methods.none import NoPruning
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.static import Static
from espalier.optimizers.adam import Adam
from espalier.train.final_metrics import connectivity


def test_shares_of_a_network_by_hand() -> None:
    # inputs 0, 1, 2 -> units 0, 1, 2, 3 -> outputs 0, 1: only 0 -> 0 -> 0 is a path
    first = torch.zeros(4, 3)
    first[0, 0] = first[1, 1] = 1  # unit 1 is read by nobody
    second = torch.zeros(2, 4)
    second[0, 0] = second[1, 3] = 1  # unit 3 is fed by nobody
    assert measure({(0, 1): first, (1, 2): second}, 4) == {
        "live_edges": 4,
        "fan_in": 4 / 6,
        "fan_out": 4 / 7,
        "reachable_inputs": 1 / 3,
        "reachable_outputs": 1 / 2,
        "units_on_path": 1 / 4,
        "useful_edges": 2 / 4,
    }


def test_without_a_hidden_layer_there_are_no_units_to_tell_of() -> None:
    measures = measure({(0, 1): torch.eye(2, 4)}, 2)
    assert "units_on_path" not in measures
    assert measures["reachable_inputs"] == 0.5 and measures["reachable_outputs"] == 1.0


def chain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))


def test_a_masked_chain_is_told_by_its_masks_and_not_by_zeros() -> None:
    run = loops.run_of(Adam(), Static(SparsePlan(density=0.1)), model=chain())
    before = connectivity(run)
    assert before["live_edges"] == round(0.1 * (16 * 8 + 8 * 4)) == 16
    assert 0 < before["reachable_inputs"] < 1
    with torch.no_grad():
        for weight in run.method_state.edges.weights:
            weight.zero_()
    assert connectivity(run) == before


def test_blocks_are_told_whatever_the_method() -> None:
    torch.manual_seed(0)
    net = Blocks([16, 8, 4])
    net.draw(1.0)
    measures = connectivity(loops.run_of(Adam(), NoPruning(), model=net))
    assert measures["live_edges"] == 16 * 8 + 8 * 4
    assert (
        measures["reachable_inputs"] == measures["units_on_path"] == measures["useful_edges"] == 1.0
    )
    assert measures["fan_in"] == 160 / 12 and measures["fan_out"] == 160 / 24


def test_blocks_are_as_sparse_without_a_method_that_grows_as_with_one() -> None:
    net = Blocks([16, 8, 4])
    net.draw(0.1)  # 13 of 128 edges and 3 of 32
    run = loops.run_of(Adam(), NoPruning(), model=net)
    assert run.method.measures(run)["sparsity"] == 1 - 16 / 160


def test_nothing_is_said_of_a_network_that_is_no_single_chain() -> None:
    static = Static(SparsePlan(density=0.5))
    residual = loops.run_of(Adam(), static, model=loops.residual_network())
    assert connectivity(residual) == {"prunable_share": 1.0}
    assert connectivity(loops.run_of(Adam(), NoPruning(), model=chain())) == {}


def test_a_convolution_is_a_block_of_channels_and_its_edges_are_weights() -> None:
    run = loops.run_of(Adam(), Static(SparsePlan(density=1.0)))
    measures = connectivity(run)
    assert measures["live_edges"] == loops.PRUNABLE
    assert measures["useful_edges"] == 1.0
