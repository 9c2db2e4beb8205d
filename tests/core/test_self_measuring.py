"""The sparsity and the masked weights that networks measure themselves."""

import torch
from torch import nn

from espalier.core.self_measuring import count_masked, own_sparsity
from espalier.layers.masked_blocks import Blocks


def test_blocks_say_how_sparse_they_are_and_what_they_do_not_use():
    net = Blocks([4, 3, 2])
    net.draw(0.5)  # 6 of 12 edges and 3 of 6
    assert own_sparsity(net) == 0.5
    assert count_masked(nn.Sequential(net, nn.Linear(2, 2))) == 9


def test_an_ordinary_network_says_nothing_also_of_weights_that_are_0():
    net = nn.Linear(4, 3)
    with torch.no_grad():
        net.weight.zero_()
    assert own_sparsity(net) == 0.0 and count_masked(net) == 0
