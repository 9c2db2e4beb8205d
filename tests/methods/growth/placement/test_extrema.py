import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.placement.extrema import (
    Activity,
    ExtremaThresholds,
    find_extrema,
    robust_z,
)

FEW = ExtremaThresholds(samples=1)


def flagged(units: Tensor) -> list[int]:
    return units.nonzero().flatten().tolist()


def blobs(samples: int, seed: int, spread: float = 1.0) -> tuple[Tensor, Tensor]:
    """Samples around one of four centres in 16 dimensions, and which."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    y = torch.randint(4, (samples,), generator=generator)
    return centres[y] + spread * torch.randn(samples, 16, generator=generator), y


def trained(bias: bool = True) -> nn.Sequential:
    """A small network, trained on blobs until it is good at them."""
    torch.manual_seed(1)
    layers = [nn.Linear(16, 48, bias=bias), nn.ReLU(), nn.Linear(48, 32, bias=bias)]
    net = nn.Sequential(*layers, nn.ReLU(), nn.Linear(32, 4))
    x, y = blobs(500, seed=1)
    for _ in range(60):
        slopes = torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
        torch._foreach_sub_([p.data for p in net.parameters()], slopes, alpha=0.3)
    assert F.cross_entropy(net(x), y) < 0.3
    return net


def seen(net: nn.Sequential, x: Tensor) -> dict[str, Activity]:
    """What the units of each hidden layer do, by the layer's name."""
    hidden: dict[str, Activity] = {}
    for name, module in net.named_children():
        x = module(x)
        if isinstance(module, nn.ReLU):
            hidden[str(int(name) - 1)] = Activity.of(x)
    return hidden


def test_categories_by_hand() -> None:
    # unit: never fires | always | half the time | half the time and large | fires once in four
    x = torch.tensor([[-0.0, 1, 0, 0, 0], [0, 2, 1, 90, 0], [0, 1, 2, 0, 0], [0, 2, 0, 90, 1]])
    activity = Activity.of(x)
    assert activity.firing.tolist() == [0, 1, 0.5, 0.5, 0.25]
    assert activity.magnitude.tolist() == [0, 1.5, 0.75, 45, 0.25]
    extrema = find_extrema(activity, FEW)
    assert (flagged(extrema.dead), flagged(extrema.saturated), flagged(extrema.hot)) == (
        [0],
        [1],
        [3],
    )


def test_a_unit_that_fires_rarely_and_strongly_is_not_dead() -> None:
    activity = Activity.of(torch.cat([torch.zeros(98, 1), torch.full((2, 1), 50.0)]))
    assert not find_extrema(activity, FEW).dead.any()


@pytest.mark.parametrize("layer", ["0", "2"])
def test_planted_units_are_found_and_no_others(layer: str) -> None:
    net = trained()
    x, _ = blobs(1200, 2)
    before = find_extrema(seen(net, x)[layer])
    planted = net.get_submodule(layer)
    assert isinstance(planted, nn.Linear)
    free = (~(before.dead | before.saturated)).nonzero().flatten()
    assert len(free) >= 0.8 * len(before.dead)
    dead, saturated = free[[1, 5, 9]], free[[2, 20]]
    with torch.no_grad():
        planted.bias[dead] = -1e3
        planted.bias[saturated] = 1e3
    after = find_extrema(seen(net, x)[layer])
    assert flagged(after.dead & ~before.dead) == dead.tolist()
    assert flagged(after.saturated & ~before.saturated) == saturated.tolist()


def test_planted_hot_units_are_found_and_no_others() -> None:
    net = trained()
    x, _ = blobs(1200, 2)
    hidden = net[2]
    assert isinstance(hidden, nn.Linear)
    before = flagged(find_extrema(seen(net, x)["2"]).hot)
    with torch.no_grad():
        hidden.weight[[4, 9]] *= 20
        hidden.bias[[4, 9]] *= 20
    extrema = find_extrema(seen(net, x)["2"])
    assert flagged(extrema.hot) == sorted({*before, 4, 9})


def test_ten_times_the_input_finds_the_same_units() -> None:
    net = trained(bias=False)
    with torch.no_grad():
        net[0].weight[7] = 0  # type: ignore[operator, union-attr, index]
    x, _ = blobs(1200, 3)
    plain, ten = seen(net, x), seen(net, 10 * x)
    for name in plain:
        first, second = find_extrema(plain[name]), find_extrema(ten[name])
        for category in ("dead", "saturated", "hot"):
            assert torch.equal(getattr(first, category), getattr(second, category))
    assert flagged(find_extrema(ten["0"]).dead) == [7]


def test_two_draws_agree() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(16, 300), nn.ReLU(), nn.Linear(300, 4))
    net[0].bias.data.uniform_(-8, 8)
    first, second = (find_extrema(seen(net, blobs(1000, seed)[0])["0"]) for seed in (4, 5))
    for category in ("dead", "saturated"):
        a, b = getattr(first, category), getattr(second, category)
        assert a.sum() > 50
        assert int((a & b).sum()) >= 0.9 * int((a | b).sum())


def test_the_nodes_of_a_network_of_blocks_are_looked_at_by_their_values() -> None:
    net = Blocks([16, 3, 4])
    bias = net.block(0, 1).bias
    assert bias is not None
    bias.data.copy_(torch.tensor([-1.0, 1.0, 0.0]))
    activity = Activity.of(net.trace(blobs(1000, 1)[0]).values[1])
    assert flagged(find_extrema(activity).dead) == [0, 2]  # no input at all, and no more than 0
    assert flagged(find_extrema(activity).saturated) == [1]


def test_robust_z_by_hand() -> None:
    values = torch.tensor([0.0, 1, 2, 3, 4, 100], dtype=torch.float64)
    among = torch.tensor([False, True, True, True, True, True])
    # median 3, absolute deviations 2 1 0 1 97, whose median is 1
    assert robust_z(values, among)[5] == pytest.approx(97 / 1.4826)
    assert robust_z(values, torch.zeros(6, dtype=torch.bool)).tolist() == [0] * 6


def test_units_that_are_all_alike_do_not_stand_out() -> None:
    alike = torch.full((10,), 0.3, dtype=torch.float64)
    alike[3] += 1e-12
    everyone = torch.ones(10, dtype=torch.bool)
    assert robust_z(alike, everyone).abs().max() < 1
    alike[3] = 0.4
    assert robust_z(alike, everyone)[3] > 1e3


def test_bad_input_is_told() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Activity.of(torch.full((2, 3), math.nan))
    with pytest.raises(ValueError, match="after 2 samples, and it takes 1000"):
        find_extrema(Activity.of(torch.zeros(2, 3)))
