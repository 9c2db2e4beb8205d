"""Units of ordinary models, against numbers worked out by hand and against masked blocks."""

import torch
from torch import nn

from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.placement.unit_statistics import UnitStatistics, loss
from espalier.methods.growth.structure.layer_editor import open_layers
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.sparse.initial_edges import EdgePlan


def opened(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return open_layers(model, optimizer, EdgePlan(density=1.0), torch.Generator().manual_seed(0))


def observed(editor, x, y, loss_of=loss):
    return UnitStatistics(**vars(editor.observe((x, y), loss_of)))


def test_channels_by_hand():
    """Two pixels are places. The first channel is x, the second -x, which a ReLU cuts off."""
    model = nn.Sequential(
        nn.Conv1d(1, 2, 1, bias=False), nn.ReLU(), nn.Conv1d(2, 1, 1, bias=False), nn.Flatten()
    )
    editor = opened(model)
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[[1.0]], [[-1.0]]]))
        model[2].weight.copy_(torch.tensor([[[2.0], [3.0]]]))
    x = torch.tensor([[[1.0, 3.0]], [[2.0, 0.0]]])
    stats = observed(editor, x, torch.zeros(2), lambda logits, y: logits.sum(1).mean())
    # what the second layer reads: channel 0 fires in 3 of 4 places, and is 1.5 in the mean
    assert stats.activity(2).firing.tolist() == [0.75, 0.0]
    assert stats.activity(2).magnitude.tolist() == [1.5, 0.0]
    assert stats.values[2].tolist() == [[2.0, 0.0], [1.0, 0.0]]  # means over places
    # the loss depends on channel 0 in both samples and on channel 1 in none
    assert stats.activity(1).firing.tolist() == [1.0, 0.0]
    assert stats.extrema(1).dead.tolist() == [False, True]
    assert stats.gradients[0].tolist() == [[4.0, 0.0], [2.0, 0.0]]  # sums: 2 a place that is on
    # dloss/dw is the mean over samples: (1 + 3 + 2 + 0) / 2 of the second layer's first weight
    torch.testing.assert_close(stats.edge_gradient((2, 3)), torch.tensor([[3.0, 0.0]]))
    torch.testing.assert_close(stats.edge_gradient((0, 1)), torch.tensor([[6.0], [0.0]]))
    assert stats.hidden == [1, 2, 3]  # node 0 has the data


def test_a_model_of_linear_layers_says_what_masked_blocks_say():
    torch.manual_seed(0)
    net = Blocks((6, 9, 7, 4))
    net.draw(1.0)
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 4))
    with torch.no_grad():
        net.block(0, 1).bias[3] = -1e3
        for layer, (_, block) in zip(model[::2], net.each(), strict=True):
            layer.weight.copy_(block.weight)
            layer.bias.copy_(block.bias)
    x, y = torch.randn(300, 6), torch.randint(4, (300,))
    blocks = observed(NetworkEditor(net, torch.Generator()), x, y)
    layers = observed(opened(model), x, y)
    assert layers.hidden == [1, 2, 3, 4]  # neither the data nor the logits
    for k in range(3):
        ours, theirs = (2 * k, 2 * k + 1), (k, k + 1)
        for name in ("mean_gradient", "deviation", "edge_gradient", "correlation"):
            pair = getattr(layers, name)(ours), getattr(blocks, name)(theirs)
            torch.testing.assert_close(*pair, rtol=1e-3, atol=1e-5)
    for node in (1, 2):
        assert torch.equal(layers.extrema(2 * node - 1).dead, blocks.extrema(node).dead)
        assert torch.equal(layers.extrema(2 * node).hot, blocks.extrema(node).hot)
        assert torch.equal(layers.extrema(2 * node).saturated, blocks.extrema(node).saturated)
    assert layers.extrema(1).dead.tolist().index(True) == 3


def test_layers_that_change_in_place_or_are_called_twice_or_not_are_seen_as_they_are():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.twice, self.never = nn.Linear(3, 3), nn.Linear(3, 3)
            self.attend = nn.MultiheadAttention(4, 2, batch_first=True)
            self.last, self.act = nn.Linear(3, 2), nn.ReLU(inplace=True)

        def forward(self, x):
            return self.last(self.act(self.twice(self.act(self.twice(x)))))

    torch.manual_seed(0)
    model = Odd()
    editor = opened(model)
    x, y = torch.randn(200, 3), torch.randint(2, (200,))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stats = observed(editor, x, y)
    assert len(stats.values[0]) == 400 and stats.hidden.count(1) == 1
    never = 2 * editor.net.edges.names.index("never.weight")
    assert never not in stats.hidden and not stats.correlation((never, never + 1)).any()
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    assert not any(module._forward_hooks for module in model.modules())
