"""Ordinary models as networks with edges: where an edge is stored, and edits that are exact."""

import pytest
import torch
from torch import nn

from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.layer_editor import LayerEditor, open_layers
from espalier.methods.growth.structure.layer_network import WeightLayout
from espalier.sparse.initial_edges import EdgePlan
from espalier.sparse.prunable import cover

LAYERS = {
    "linear": nn.Linear(6, 4),
    "conv1d": nn.Conv1d(6, 4, 3),
    "conv2d": nn.Conv2d(6, 4, (2, 3)),
    "grouped": nn.Conv2d(6, 4, 3, groups=2),
    "depthwise": nn.Conv3d(6, 6, 2, groups=6),
    "transposed": nn.ConvTranspose2d(6, 4, (2, 3)),
    "transposed in groups": nn.ConvTranspose1d(6, 4, 3, groups=2),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_every_edge_is_where_the_layer_has_it(kind):
    layer = LAYERS[kind]
    layout = WeightLayout(layer.weight.shape, cover(layer).orientations["weight"])
    numbers = torch.arange(layer.weight.numel()).view(layer.weight.shape)
    matrix = layout.matrix(numbers)
    assert matrix.shape == (layout.outputs, layout.inputs * layout.places)
    rows, columns = torch.ones_like(matrix, dtype=torch.bool).nonzero(as_tuple=True)
    assert torch.equal(numbers[layout.stored_index((rows, columns))], matrix.flatten())


def test_a_row_of_a_transposed_layer_is_what_leads_into_a_unit():
    layer = nn.ConvTranspose1d(4, 6, 1, groups=2, bias=False)
    layout = WeightLayout(layer.weight.shape, cover(layer).orientations["weight"])
    x = torch.randn(1, 4, 1)
    by_group = x.view(2, 2).repeat_interleave(3, 0)  # the inputs of each of six outputs
    expected = (layout.matrix(layer.weight) * by_group).sum(1)
    torch.testing.assert_close(layer(x).flatten(), expected)


def opened(optimizer, density=0.5):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.ConvTranspose2d(3, 4, 2), nn.Flatten())
    net.append(nn.Linear(36, 3))
    made = optimizer(net.parameters(), lr=0.1)
    editor = open_layers(net, made, EdgePlan(density=density), torch.Generator().manual_seed(0))
    return editor, torch.randn(8, 2, 4, 4)


def update(editor: LayerEditor, x):
    editor.optimizer.zero_grad()
    editor.net.model(x).square().sum().backward()
    editor.before_step()
    editor.optimizer.step()
    editor.after_step()


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_edges_come_and_go_exactly(optimizer):
    editor, x = opened(optimizer)
    update(editor, x)
    before, counts = editor.net.model(x), [block.live for _, block in editor.net.each()]
    for pair, block in editor.net.each():
        rows, columns = (~block.mask).nonzero(as_tuple=True)
        change = operations.add_edges(editor, pair, (rows[:5], columns[:5]))
        assert change.event.added == 5 and change.event.where == block.name
    assert torch.equal(editor.net.model(x), before)
    assert [block.live for _, block in editor.net.each()] == [count + 5 for count in counts]
    for _ in range(3):
        update(editor, x)
        editor.net.assert_masked()
    for pair, block in editor.net.each():
        rows, columns = block.mask.nonzero(as_tuple=True)
        operations.drop_edges(editor, pair, (rows[:4], columns[:4]))
        editor.net.assert_masked()
    assert editor.net.live == sum(counts) + 3
    assert sum(int((w != 0).sum()) for w in editor.net.edges.weights) <= editor.net.live


def test_what_cannot_be_is_refused_and_changes_nothing():
    editor, x = opened(torch.optim.Adam)
    before, live = editor.net.model(x), editor.net.live
    rows, columns = editor.net.block(0, 1).mask.nonzero(as_tuple=True)
    there, missing = (rows[:1], columns[:1]), (~editor.net.block(0, 1).mask).nonzero().T[:, :1]
    twice = missing[0].repeat(2), missing[1].repeat(2)
    with pytest.raises(ValueError, match="1 edges of block 0 are there"):
        operations.add_edges(editor, (0, 1), there)
    with pytest.raises(ValueError, match="given twice"):
        operations.add_edges(editor, (0, 1), twice)
    with pytest.raises(ValueError, match="not there"):
        operations.drop_edges(editor, (0, 1), (missing[0], missing[1]))
    with pytest.raises(ValueError, match="3 rows and 18 columns"):
        operations.add_edges(editor, (0, 1), (torch.tensor([3]), torch.tensor([0])))
    with pytest.raises(ValueError, match="no layer leads"):
        operations.add_edges(editor, (0, 3), there)
    assert torch.equal(editor.net.model(x), before) and editor.net.live == live


def test_what_was_kept_comes_back_bit_for_bit():
    editor, x = opened(torch.optim.Adam)
    update(editor, x)
    editor.reversible = True
    logits, live = editor.net.model(x).detach(), [mask.clone() for mask in editor.net.edges.live]
    rows, columns = (~editor.net.block(2, 3).mask).nonzero(as_tuple=True)
    change = operations.add_edges(editor, (2, 3), (rows, columns))
    update(editor, x)
    change.roll_back()
    assert torch.equal(editor.net.model(x), logits) and editor.events == []
    assert all(map(torch.equal, live, editor.net.edges.live))
    editor.net.assert_masked()
