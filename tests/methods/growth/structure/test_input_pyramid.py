"""Seeing pooled images: layers of their size, and passages that leave the function as it is."""

from __future__ import annotations

import module_hooks
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.layers.masked_blocks import Blocks, chain
from espalier.methods.growth.structure.input_pyramid import InputPyramid, cells
from espalier.train.costs.layer_products import count_operations
from espalier.train.input_layers import find_input_layers

SIZE = (2, 8, 4)


def images(count: int = 6) -> Tensor:
    return torch.randn(count, *SIZE, generator=torch.Generator().manual_seed(1)).double()


def dense() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(64, 7), nn.ReLU(), nn.Linear(7, 3)]
    return nn.Sequential(*layers).double()


def blocks(density: float = 0.3) -> Blocks:
    """With a skip from the input to the output."""
    torch.manual_seed(0)
    net = Blocks((64, 7, 3), chain(3, 2))
    net.draw(density)
    return net.double()


def retina_of(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> InputPyramid:
    layers = find_input_layers(model, images(2))
    assert layers is not None
    return InputPyramid(model, layers, SIZE, optimizer, torch.Generator().manual_seed(0))


def update(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(images()), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
    optimizer.step()


def test_cells_are_those_of_average_pooling() -> None:
    top, bottom = [0, 0, 1, 1] * 2, [2, 2, 3, 3] * 2
    assert cells((1, 4, 4), 2).tolist() == top + bottom
    assert cells((2, 2, 4), 2).tolist() == [0, 0, 1, 1] * 2 + [2, 2, 3, 3] * 2
    x = images(3)
    mean = torch.zeros(3, 16).double().index_add_(1, cells(SIZE, 2), x.flatten(1)) / 4
    torch.testing.assert_close(mean, F.avg_pool2d(x, 2).flatten(1))


def test_the_layers_that_read_pixels_are_found() -> None:
    net = blocks()
    assert find_input_layers(net, images(2)) == [net.block(0, 1), net.block(0, 2)]
    assert (
        find_input_layers(nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten()).double(), images(2))
        is None
    )
    assert (
        find_input_layers(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)).double(), images(2))
        is None
    )


@pytest.mark.parametrize("build", [dense, blocks])
def test_passages_leave_the_function_as_it_is(build) -> None:
    model = build()
    pyramid = retina_of(model)
    pyramid.coarsen(4)
    assert [reader.weight.shape[1] for reader in pyramid.layers] == [4] * len(pyramid.layers)
    for factor, inputs in ((2, 16), (1, 64)):
        before = model(images())
        pyramid.refine(factor)
        assert pyramid.layers[0].weight.shape == (7, inputs)
        assert float((model(images()) - before).detach().abs().max()) < 1e-12


def test_a_coarse_layer_does_what_the_fine_one_did_where_cells_are_even() -> None:
    model = dense()
    x = F.avg_pool2d(images(), 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    before = model(x)
    retina_of(model).coarsen(2)
    torch.testing.assert_close(model(x), before)


def test_a_masked_layer_has_as_many_edges_in_the_end_as_at_first() -> None:
    model = blocks()  # 134 of 448 and 58 of 192
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    pyramid = retina_of(model, optimizer)
    assert model.ledger() == {(0, 1): 134, (0, 2): 58, (1, 2): 6}
    pyramid.coarsen(2)
    assert model.ledger() == {(0, 1): 33, (0, 2): 14, (1, 2): 6}
    assert model.sizes == [16, 7, 3]
    update(model, optimizer)
    pyramid.after_step()
    pyramid.refine(1)
    assert model.ledger() == {(0, 1): 134, (0, 2): 58, (1, 2): 6}
    assert model.sizes == [64, 7, 3]
    for _ in range(3):
        model.assert_masked(optimizer)
        update(model, optimizer)
        pyramid.after_step()


def test_coarse_masked_weights_are_as_large_as_fresh_ones_would_be() -> None:
    torch.manual_seed(0)
    net = Blocks((64, 600, 3))
    net.draw(0.3)
    pyramid = InputPyramid(net, [net.block(0, 1)], SIZE, None, torch.Generator().manual_seed(0))
    pyramid.coarsen(2)
    block = net.block(0, 1)
    spread = float(block.weight.detach()[block.mask].std())
    assert spread == pytest.approx((2 / 16) ** 0.5, rel=0.03)


def test_moments_go_with_their_cells() -> None:
    model = dense()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    pyramid = retina_of(model, optimizer)
    pyramid.coarsen(2)
    update(model, optimizer)
    weight = pyramid.layers[0].weight
    coarse = optimizer.state[weight]["exp_avg"].clone()
    pyramid.refine(1)
    assert torch.equal(optimizer.state[weight]["exp_avg"], coarse[:, cells(SIZE, 2)])
    update(model, optimizer)  # and it trains on


def test_the_mean_of_the_gradients_of_a_cells_pixels_is_the_cells() -> None:
    model = dense()
    pyramid = retina_of(model)
    pyramid.coarsen(2)
    model(images()).sum().backward()
    weight = pyramid.layers[0].weight
    assert weight.grad is not None
    coarse = weight.grad.clone()
    pyramid.refine(1)
    model(images()).sum().backward()
    assert weight.grad is not None
    means = torch.zeros_like(coarse).index_add_(1, cells(SIZE, 2), weight.grad) / 4
    torch.testing.assert_close(means, coarse)


def test_shuffled_cells_keep_weights_and_lose_the_function() -> None:
    model = dense()
    pyramid = retina_of(model)
    pyramid.coarsen(2)
    before, weight = model(images()), pyramid.layers[0].weight
    sizes = weight.detach().flatten().sort().values
    pyramid.refine(1, shuffled=True)
    assert float((model(images()) - before).detach().abs().max()) > 0.01
    torch.testing.assert_close(weight.detach().flatten().sort().values[::4] * 4, sizes)


def test_it_can_be_left() -> None:
    model = dense()
    pyramid = retina_of(model)
    pyramid.coarsen(4)
    pyramid.close()
    assert module_hooks.count(model) == 0 and model(images()).shape == (6, 3)


def test_costs_are_those_of_weights_that_there_are() -> None:
    x = images(1)
    assert count_operations(dense(), x).both == 64 * 7 * 4 + 7 * 3 * 6
    assert count_operations(blocks(), x).both == (134 + 58) * 4 + 6 * 6
