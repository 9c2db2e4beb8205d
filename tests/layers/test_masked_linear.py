"""The masked layer by hand: what it computes, what it counts, and what is off its mask."""

import pytest
import torch
from torch import nn

from espalier.core.self_measuring import count_masked as masked_numbers
from espalier.core.self_measuring import count_parameters
from espalier.layers.masked_linear import MaskedLinear
from espalier.sparse.masked_weight import ABSENT


def masked() -> MaskedLinear:
    layer = MaskedLinear(torch.tensor([[True, False, True], [False, False, True]]))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0]]))
        layer.bias.copy_(torch.tensor([1.0, -1.0]))
    return layer


def test_a_masked_layer_by_hand() -> None:
    layer = masked()
    y = layer(torch.tensor([[1.0, 10.0, 100.0]]))
    assert y.tolist() == [[303.0, 499.0]]
    y.sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[1.0, 0.0, 100.0], [0.0, 0.0, 100.0]]
    assert layer.births.tolist() == [[0, -1, 0], [-1, -1, 0]]
    assert (layer.live, layer.masked, layer.density) == (3, 3, 0.5)


def test_what_is_off_the_mask_is_told() -> None:
    layer = masked()
    layer.assert_masked()
    layer.weight.data[1, 1] = 1e-30
    with pytest.raises(AssertionError, match="1 elements of weight"):
        layer.assert_masked()
    assert layer(torch.ones(1, 3)).tolist() == [[6.0, 4.0]]  # and does not count
    layer.weight.data[1, 1] = 0.0
    layer.mask[1, 1] = True
    with pytest.raises(AssertionError, match="births"):
        layer.assert_masked()


def test_slices_of_it_keep_their_edges_and_new_ones_have_none() -> None:
    layer = masked()
    layer.births[1, 2] = 4
    layer.reindex(1, torch.tensor([2, -1, 0]))
    assert layer.births.tolist() == [[0, ABSENT, 0], [4, ABSENT, ABSENT]]
    assert layer.mask.tolist() == [[True, False, True], [True, False, False]]


def test_edges_come_with_weights_and_go_without() -> None:
    layer = masked()
    at = torch.tensor([1, 1]), torch.tensor([0, 1])
    layer.add(at, 9, torch.tensor([1.5, 2.5]))
    assert layer.weight.tolist() == [[2.0, 0.0, 3.0], [1.5, 2.5, 5.0]]
    assert layer.births.tolist() == [[0, ABSENT, 0], [9, 9, 0]]
    layer.assert_masked()
    layer.remove(at)
    assert layer.weight.tolist() == [[2.0, 0.0, 3.0], [0.0, 0.0, 5.0]] and layer.live == 3
    layer.assert_masked()


def test_masked_numbers_are_no_parameters() -> None:
    model = nn.Sequential(masked(), nn.Linear(2, 1))  # 3 of 6 edges, 2 biases; 2 weights, 1 bias
    assert (masked_numbers(model), count_parameters(model)) == (3, 8)
