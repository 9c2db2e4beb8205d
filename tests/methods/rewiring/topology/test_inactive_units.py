"""Links of units that have lost all those of one side."""

import torch
from torch import nn

from espalier.methods.rewiring.topology.inactive_units import remove_inactive
from espalier.sparse.edges import Edges
from espalier.surgery.restarts.per_slice_restart import restart_of


def edges_of(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    weights = {name: p for name, p in model.named_parameters() if p.ndim > 1}
    return Edges(weights, optimizer, restart_of(optimizer))


def test_units_without_inputs_or_readers_lose_all_links():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    first = torch.tensor([[1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]).bool()
    second = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 1]]).bool()
    left = remove_inactive(model, edges_of(model), [first, second])
    assert left[0].int().tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert left[1].int().tolist() == [[1, 0, 0, 0], [1, 0, 0, 1]]
    assert first[2].any() and second[:, 1].any()  # what was given stays as it was


def test_a_channel_is_read_by_all_places_of_its_map():
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    first = torch.ones(2, 1, 2, 2, dtype=torch.bool)
    second = torch.zeros(2, 8, dtype=torch.bool)
    second[1, 6] = True  # a place of the second channel
    left = remove_inactive(model, edges_of(model), [first, second])
    assert left[0].flatten(1).any(1).tolist() == [False, True]
    assert torch.equal(left[1], second)
    first[1] = False
    left = remove_inactive(model, edges_of(model), [first, second])
    assert not left[0].any() and not left[1].any()


def test_layers_that_are_no_pair_stay():
    model = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    masks = [torch.zeros(2, 2, dtype=torch.bool), torch.ones(2, 2, dtype=torch.bool)]
    left = remove_inactive(model, edges_of(model), masks)
    assert all(torch.equal(a, b) for a, b in zip(left, masks, strict=True))
