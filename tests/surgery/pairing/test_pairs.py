"""Which layers are pairs, and which must never be taken for one."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from espalier.core.samples import SampleShape
from espalier.models.lenet5 import LeNet5
from espalier.models.mlp import Mlp
from espalier.models.resnet18 import ResNet18
from espalier.surgery.pairing.pairs import Pair, find_pairs


class FeedForward(nn.Module):
    def __init__(self, ffn: nn.Sequential) -> None:
        super().__init__()
        self.ffn, self.norm = ffn, nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x + self.ffn(x))


def described(pairs: list[Pair]) -> list[tuple[str, int, bool, bool, int]]:
    return [(p.name, p.size, p.norm is not None, p.after is not None, p.per) for p in pairs]


def test_a_multilayer_perceptron() -> None:
    pairs = find_pairs(Mlp(width=5, layers=2).build(SampleShape(1, 2, 2, 3)))
    assert described(pairs) == [("1", 5, False, False, 1), ("3", 5, False, False, 1)]


def test_convolutions_with_normalisation_and_a_flattened_map() -> None:
    pairs = find_pairs(LeNet5().build(SampleShape(1, 32, 32, 10)))
    assert described(pairs) == [
        ("0", 6, True, True, 1),
        ("4", 16, True, False, 25),
        ("9", 120, False, False, 1),
        ("11", 84, False, False, 1),
    ]
    assert [type(m).__name__ for m in pairs[1].between] == ["ReLU", "MaxPool2d", "Flatten"]
    assert pairs[1].columns(torch.tensor([0, 2])).tolist() == [*range(25), *range(50, 75)]


def test_inside_residual_branches_but_never_across_the_sum() -> None:
    pairs = find_pairs(ResNet18().build(SampleShape(3, 32, 32, 10)))
    assert [p.name for p in pairs] == [f"stages.{i}.branch.0.0" for i in range(8)]
    assert all(p.norm is not None and p.after is not None for p in pairs)


def test_a_feed_forward_part_of_a_transformer() -> None:
    ffn = nn.Sequential(
        nn.Linear(4, 8), nn.GELU(), nn.Dropout(0.1), nn.Linear(8, 4), nn.Dropout(0.1)
    )
    model = nn.ModuleDict({"blocks": nn.ModuleList([FeedForward(ffn)])})
    assert described(find_pairs(model)) == [("blocks.0.ffn.0", 8, False, False, 1)]
    assert find_pairs(model)[0].consumer is ffn[3]


SHARED = nn.Linear(3, 3)


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)),
        nn.Sequential(nn.Linear(3, 4), nn.GLU(), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(3, 4), nn.PReLU(4), nn.Linear(4, 2)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Linear(4, 2)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1, groups=2)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(2), nn.Linear(4, 2)),
        nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.BatchNorm1d(8), nn.Linear(8, 2)),
        nn.Sequential(SHARED, nn.ReLU(), SHARED),
        nn.Sequential(weight_norm(nn.Linear(3, 4)), nn.ReLU(), nn.Linear(4, 2)),
        nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)]),
    ],
)
def test_no_pairs(model: nn.Module) -> None:
    assert find_pairs(model) == []


def test_weights_tied_to_another_layer_are_left_alone() -> None:
    first, other = nn.Linear(3, 3), nn.Linear(3, 3)
    other.weight = first.weight
    model = nn.ModuleList([nn.Sequential(first, nn.ReLU(), nn.Linear(3, 2)), other])
    assert find_pairs(model) == []


def test_weights_by_neuron() -> None:
    conv, linear = nn.Conv2d(1, 2, 1), nn.Linear(8, 1)
    linear.weight.data = torch.arange(8.0).view(1, 8)
    (pair,) = find_pairs(nn.Sequential(conv, nn.ReLU(), nn.Flatten(), linear))
    assert pair.incoming().shape == (2, 1)
    assert pair.outgoing().tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert pair.samples(torch.zeros(5, 8)).shape == (5, 8)


def test_positions_of_a_map_are_samples() -> None:
    (pair,) = find_pairs(nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 2)))
    x = torch.arange(12.0).view(1, 2, 2, 3)  # channel 1 is channel 0 plus 6
    assert pair.samples(x).tolist() == [[i, i + 6] for i in range(6)]
    assert pair.outgoing().shape == (2, 12)
    weight = pair.consumer.weight.detach()
    torch.testing.assert_close(pair.outgoing()[1], weight[:, 1].flatten())
