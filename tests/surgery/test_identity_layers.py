"""Layers that can be the identity."""

from __future__ import annotations

import torch
from torch import nn

from espalier.surgery.identity_layers import find_identity_places


def names(*steps: nn.Module) -> list[str]:
    return [place.name for place in find_identity_places(nn.Sequential(*steps))]


def test_layers_of_one_width_between_relus() -> None:
    relu = nn.ReLU
    assert names(relu(), nn.Linear(3, 3), relu(), nn.Linear(3, 3), relu()) == ["1", "3"]
    assert names(relu(), nn.Linear(3, 4), relu()) == []
    assert names(relu(), nn.Linear(3, 3), nn.GELU()) == []
    assert names(nn.GELU(), nn.Linear(3, 3), relu()) == []
    assert names(relu(), nn.Linear(3, 3), nn.BatchNorm1d(3), relu()) == []
    assert names(nn.Linear(3, 3), relu()) == []


def test_convolutions_that_keep_the_map() -> None:
    def around(*options: object, **more: object) -> list[str]:
        return names(nn.ReLU(), nn.Conv2d(2, 2, *options, **more), nn.ReLU())  # type: ignore[arg-type]

    assert around(3, padding=1) == ["1"]
    assert around((1, 5), padding=(0, 2)) == ["1"]
    assert around(3, padding=2, dilation=2) == ["1"]
    assert around(3, padding="same") == ["1"]
    assert around(3) == around(3, stride=2, padding=1) == around(2, padding="same") == []
    assert around(3, padding=1, groups=2) == []


def test_layers_that_are_used_twice_or_frozen_are_none() -> None:
    twice, frozen = nn.Linear(3, 3), nn.Linear(3, 3).requires_grad_(False)
    relu = nn.ReLU()
    assert names(relu, twice, relu, twice, relu) == []
    assert names(relu, frozen, relu) == []
    tied = nn.Linear(3, 3)
    tied.weight = twice.weight
    assert names(relu, tied, relu, twice, relu) == []


def test_the_identity_is_exact_and_can_be_left_out() -> None:
    torch.manual_seed(0)
    for layer, x in (
        (nn.Linear(3, 3), torch.randn(5, 3)),
        (nn.Conv2d(3, 3, 3, padding=1), torch.randn(2, 3, 4, 4)),
        (nn.Conv1d(3, 3, 5, padding=2, bias=False), torch.randn(2, 3, 6)),
    ):
        net = nn.Sequential(nn.ReLU(), layer, nn.ReLU())
        (place,) = find_identity_places(net)
        place.make_identity()
        made = net(x)
        assert torch.equal(made, x.relu())
        place.leave_out()
        assert not place.present
        assert len(list(net.parameters())) == 0
        assert torch.equal(net(x), made)
        place.put_back()
        assert place.present
        assert net[1] is layer
