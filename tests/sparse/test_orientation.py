"""Orientation: the rows of a layer are what leads into one of its units."""

import torch
from torch import nn

from espalier.sparse.orientation import ROWS, Orientation


def test_units_of_a_transposed_layer_are_its_second_dimension():
    weight = torch.arange(6.0).view(2, 3)
    assert Orientation(transposed=True).by_unit(weight).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert ROWS.by_unit(weight) is weight


def test_rows_are_what_a_channel_of_a_grouped_transposed_convolution_reads():
    layer = nn.ConvTranspose1d(4, 6, 1, groups=2, bias=False)  # (4, 3, 1): 2 inputs, 3 channels
    orientation = Orientation(transposed=True, groups=2)
    rows = orientation.by_unit(layer.weight.detach())
    assert rows.shape == (6, 2, 1)
    x = torch.randn(4)
    sums = [float(rows[unit, :, 0] @ x[2 * (unit // 3) :][:2]) for unit in range(6)]
    assert torch.allclose(layer(x.view(1, 4, 1)).flatten(), torch.tensor(sums), atol=1e-6)
    assert torch.equal(orientation.as_stored(rows), layer.weight)
