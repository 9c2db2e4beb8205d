"""Masked layers and the graph of them: counts by hand, zeros that stay, packs, round trips."""

import copy

import growth_beds
import loops
import packing
import pytest
import torch
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Method, Model, Optimizer
from espalier.core.samples import SampleShape
from espalier.layers.fold_rules import MaskedProduct
from espalier.layers.folded import Mapped
from espalier.layers.masked_blocks import Blocks, chain, dense_gradients, edges
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.models.blocks import SparseBlocks
from espalier.train.building import parameter_budget
from espalier.train.packs.pack import Pack

DIGITS = SampleShape(1, 8, 8, 10)
OPTIMIZERS = component.names("optimizer")


def test_skips_add_to_what_the_chain_brings() -> None:
    """z_1 = 2 x, a_1 = relu(z_1), z_2 = 3 a_1 + 5 x + 7."""
    net = Blocks([1, 1, 1], [(0, 1), (1, 2), (0, 2)])
    for pair, value in (((0, 1), 2.0), ((1, 2), 3.0), ((0, 2), 5.0)):
        net.block(*pair).mask.fill_(True)
        net.block(*pair).weight.data.fill_(value)
    net.block(1, 2).bias.data.fill_(7.0)
    assert net.block(0, 2).bias is None
    assert net(torch.tensor([[1.0], [-1.0]])).tolist() == [[18.0], [2.0]]


def test_a_density_is_exact_in_every_block() -> None:
    net = Blocks([64, 32, 16, 10], chain(4, reach=3))
    net.draw(0.1)
    # 204.8, 51.2, 102.4, 16, 32, 64
    assert net.ledger() == {
        (0, 1): 205,
        (0, 2): 102,
        (1, 2): 51,
        (0, 3): 64,
        (1, 3): 32,
        (2, 3): 16,
    }
    assert net.live == 470
    assert edges(0.001, 64) == 1
    net.assert_masked()


@pytest.mark.parametrize("init", ["full", "live"])
def test_initial_weights_have_the_deviation_that_is_said(init) -> None:
    torch.manual_seed(0)
    net = Blocks([400, 300, 5])
    net.draw(0.25, init)
    block = net.block(0, 1)
    fan_in = block.mask.sum(1, keepdim=True) if init == "live" else torch.tensor(400.0)
    scaled = (block.weight.detach() * (fan_in / 2).sqrt())[block.mask]
    assert float(scaled.std()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_not_there_stays_0_under_every_optimizer(name) -> None:
    torch.manual_seed(0)
    net = Blocks(growth_beds.SIZES, chain(5, 2)).double()
    net.draw(0.3)
    optimizer = component.find("optimizer", name, Optimizer)().build(net, 0.01)
    made = NetworkEditor(net, torch.Generator(), optimizer)
    before = net.live
    growth_beds.train(made, 50)
    net.assert_masked(optimizer)
    assert net.live == before
    assert bool((net.block(0, 1).weight != 0)[net.block(0, 1).mask].all())


def test_masks_and_births_survive_copies_casts_and_state_dicts() -> None:
    made = growth_beds.editor()
    made.step = 17
    made.connect((0, 3), growth_beds.missing(made.net, (0, 3), 3))
    again = Blocks.of_structure(made.net.structure()).double()
    again.load_state_dict(made.net.state_dict())
    for twin in (again, copy.deepcopy(made.net), copy.deepcopy(made.net).to(torch.float64)):
        for (_, ours), (_, theirs) in zip(made.net.each(), twin.each(), strict=True):
            assert torch.equal(ours.mask, theirs.mask) and torch.equal(ours.births, theirs.births)
        assert torch.equal(growth_beds.logits(twin), growth_beds.logits(made.net))
    half = copy.deepcopy(made.net).half()
    assert half.block(0, 3).mask.dtype == torch.bool and half.live == made.net.live
    assert half.block(0, 3).births.max() == 17


@pytest.mark.parametrize("pairs", [[(0, 1)], [(0, 1), (1, 2), (2, 1)], [(0, 1), (0, 1), (1, 2)]])
def test_blocks_lead_forward_and_hold_the_chain(pairs) -> None:
    with pytest.raises(ValueError, match="must lead forward, once each, and hold the chain"):
        Blocks([2, 2, 2], pairs)


def test_dense_gradients_are_those_of_a_dense_network() -> None:
    """Also of blocks that are not there: as if they were, with weights of 0."""
    made = growth_beds.editor(reach=1)
    x, y = growth_beds.batch(0)
    trace = made.net.trace(x)
    gradients = dense_gradients(trace, nn.functional.cross_entropy(trace.sums[-1], y))
    dense = Blocks(growth_beds.SIZES, chain(5, 5)).double()
    for pair, block in dense.each():
        block.mask.fill_(True)
        if pair in made.net.pairs:
            own = made.net.block(*pair)
            block.weight.data.copy_(own.weight.detach())
            if own.bias is not None and block.bias is not None:
                block.bias.data.copy_(own.bias.detach())
    nn.functional.cross_entropy(dense(x), y).backward()
    assert set(gradients) == set(dense.pairs)
    for pair, block in dense.each():
        torch.testing.assert_close(gradients[pair], block.weight.grad)


def test_the_model_counts_what_is_there() -> None:
    spec = SparseBlocks(sizes="64, 64", density=0.1)
    # 410 + 410 + 64 edges (409.6, 409.6, 64), 64 + 64 + 10 biases
    assert spec.parameters(DIGITS) == 410 + 410 + 64 + 138
    for fields in (
        {},
        {"sizes": ""},
        {"sizes": "5", "density": 1.0},
        {"skips": 3, "density": 0.03},
    ):
        spec = SparseBlocks(**fields)
        net = spec.build(DIGITS)
        assert (
            spec.parameters(DIGITS)
            == parameter_budget.count_trained(net)
            == net.live + sum(net.sizes[1:])
        )


def test_a_trial_tells_how_much_is_there() -> None:
    torch.manual_seed(0)
    net = SparseBlocks(sizes="6", density=0.25).build(SampleShape(1, 4, 4, 4))
    adam = component.find("optimizer", "adam", Optimizer)()
    run = loops.run_of(adam, component.find("method", "none", Method)(), model=net)
    loops.train(run, 3)
    # 24 of 96 and 6 of 24 edges, 6 + 4 biases
    assert run.method.measures(run)["live_parameters"] == 24 + 6 + 10
    net.assert_masked(run.optimizer)


@pytest.mark.parametrize("sizes", ["64;64", "64,", "0", "a"])
def test_sizes_that_are_none_are_one_line(sizes) -> None:
    with pytest.raises(CannotTrain, match=f"CONFIG_BLOCKS_SIZES='{sizes}': must be whole numbers"):
        component.find("model", "blocks", Model)(sizes=sizes).parameters(DIGITS)


def packed() -> nn.Module:
    net = Blocks([16, 9, 7, packing.CLASSES], chain(4, 2))
    net.draw(0.4)
    return net


def trainers() -> list[packing.Trainer]:
    wishes = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "none"}
    values = [packing.varied(wishes, k) for k in range(3)]
    return [packing.trainer(v, packed, packing.split(4)) for v in values]


def test_a_pack_gives_the_numbers_of_one_trial_at_a_time() -> None:
    alone = [packing.train([each])[0] for each in trainers()]
    for first, second in zip(packing.train(trainers()), alone, strict=True):
        packing.assert_same(first, second)


def test_masks_in_a_pack_differ_and_layers_have_twins_of_their_own() -> None:
    made = trainers()
    first, second = (t.run.model.blocks["0_1"].mask for t in made[:2])
    assert not torch.equal(first, second)
    modules = {type(module) for module in Pack(made).forward.modules()}
    assert MaskedProduct in modules and Mapped not in modules
