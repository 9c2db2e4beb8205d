import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.contracts import SampleShape
from espalier.growth.blocks import Blocks
from espalier.growth.extrema import (
    RECTIFIED,
    SIGMOID,
    TANH,
    Activity,
    Curve,
    Extrema,
    Limits,
    find,
    look,
    robust_z,
)
from espalier.models.lenet5 import LeNet5
from espalier.surgery.pairs import find_pairs

FEW = Limits(least=1)


def flagged(units: Tensor) -> list[int]:
    return units.nonzero().flatten().tolist()


def blobs(samples: int, seed: int, spread: float = 1.0) -> tuple[Tensor, Tensor]:
    """Samples around one of four centres in 16 dimensions, and which."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    y = torch.randint(4, (samples,), generator=generator)
    return centres[y] + spread * torch.randn(samples, 16, generator=generator), y


def trained(nonlinearity: type[nn.Module], bias: bool = True) -> nn.Sequential:
    """A small network, trained on blobs until it is good at them."""
    torch.manual_seed(1)
    layers = [nn.Linear(16, 48, bias=bias), nonlinearity(), nn.Linear(48, 32, bias=bias)]
    net = nn.Sequential(*layers, nonlinearity(), nn.Linear(32, 4))
    x, y = blobs(500, seed=1)
    for _ in range(60):
        slopes = torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
        torch._foreach_sub_([p.data for p in net.parameters()], slopes, alpha=0.3)
    assert F.cross_entropy(net(x), y) < 0.3
    return net


def seen(net: nn.Module, batches: list[tuple[Tensor, Tensor]]) -> dict[str, Activity]:
    return dict(look(find_pairs(net), net, F.cross_entropy, batches))


def test_categories_by_hand() -> None:
    # unit: never fires | always | half the time | half the time and large | fires once in four
    x = torch.tensor([[-0.0, 1, 0, 0, 0], [0, 2, 1, 90, 0], [0, 1, 2, 0, 0], [0, 2, 0, 90, 1]])
    activity = Activity(5, RECTIFIED)
    activity.add(x[:1])
    activity.add(x[1:])
    assert activity.firing.tolist() == [0, 1, 0.5, 0.5, 0.25]
    assert activity.magnitude.tolist() == [0, 1.5, 0.75, 45, 0.25]
    found = find(activity, FEW)
    assert (flagged(found.dead), flagged(found.saturated), flagged(found.hot)) == ([0], [1], [3])


def test_bounded_units_saturate_at_either_end_and_die_by_never_changing() -> None:
    x = torch.tensor([[1.0, -1.0, 0.5, 0.99, 0.2], [0.96, -0.97, 0.5, -0.99, 0.1]])
    activity = Activity(5, TANH)
    activity.add(x)
    found = find(activity, FEW)
    assert flagged(found.saturated) == [0, 1, 3]
    assert flagged(found.dead) == [2]


def test_the_ends_of_a_sigmoid_are_as_far_out_as_those_of_a_tanh() -> None:
    x = torch.linspace(-5, 5, 1001).unsqueeze(1)
    assert SIGMOID.place(torch.sigmoid(2 * x)) == pytest.approx(TANH.place(torch.tanh(x)), abs=1e-5)


def test_a_unit_that_fires_rarely_and_strongly_is_not_dead() -> None:
    activity = Activity(1)
    activity.add(torch.cat([torch.zeros(98, 1), torch.full((2, 1), 50.0)]))
    assert not find(activity, FEW).dead.any()


@pytest.mark.parametrize("layer", ["0", "2"])
@pytest.mark.parametrize("nonlinearity", [nn.ReLU, nn.Tanh])
def test_planted_units_are_found_and_no_others(nonlinearity: type[nn.Module], layer: str) -> None:
    net = trained(nonlinearity)
    before = find(seen(net, [blobs(1200, 2)])[layer])
    planted = net.get_submodule(layer)
    assert isinstance(planted, nn.Linear)
    free = (~(before.dead | before.saturated)).nonzero().flatten()
    assert len(free) >= 0.8 * len(before.dead)
    dead, saturated = free[[1, 5, 9]], free[[2, 20]]
    with torch.no_grad():
        planted.bias[dead] = -1e3 if nonlinearity is nn.ReLU else 0.5
        planted.weight[dead] *= 1 if nonlinearity is nn.ReLU else 0
        planted.bias[saturated] = 1e3 if nonlinearity is nn.ReLU else 10.0
    after = find(seen(net, [blobs(1200, 2)])[layer])
    assert flagged(after.dead & ~before.dead) == dead.tolist()
    assert flagged(after.saturated & ~before.saturated) == saturated.tolist()


def test_planted_hot_units_are_found_and_no_others() -> None:
    net = trained(nn.ReLU)
    hidden = net[2]
    assert isinstance(hidden, nn.Linear)
    before = flagged(find(seen(net, [blobs(1200, 2)])["2"]).hot)
    with torch.no_grad():
        hidden.weight[[4, 9]] *= 20
        hidden.bias[[4, 9]] *= 20
    found = find(seen(net, [blobs(1200, 2)])["2"])
    assert flagged(found.hot) == sorted({*before, 4, 9})
    assert found.worst("hot", 2).sort().values.tolist() == [4, 9]


def test_ten_times_the_input_finds_the_same_units() -> None:
    net = trained(nn.ReLU, bias=False)
    with torch.no_grad():
        net[0].weight[7] = 0  # type: ignore[operator, union-attr, index]
    x, y = blobs(1200, 3)
    one, ten = seen(net, [(x, y)]), seen(net, [(10 * x, y)])
    for name in one:
        first, second = find(one[name]), find(ten[name])
        for category in ("dead", "saturated", "hot"):
            assert torch.equal(getattr(first, category), getattr(second, category))
    assert flagged(find(ten["0"]).dead) == [7]


def test_two_draws_agree() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(16, 300), nn.ReLU(), nn.Linear(300, 4))
    net[0].bias.data.uniform_(-8, 8)
    first, second = (find(seen(net, [blobs(1000, seed)])["0"]) for seed in (4, 5))
    for category in ("dead", "saturated"):
        a, b = getattr(first, category), getattr(second, category)
        assert a.sum() > 50
        assert int((a & b).sum()) >= 0.9 * int((a | b).sum())


def test_convolutions_are_looked_at_by_channel() -> None:
    torch.manual_seed(0)
    net = LeNet5().build(SampleShape(1, 32, 32, 10))
    conv = next(m for m in net.modules() if isinstance(m, nn.Conv2d))
    with torch.no_grad():
        assert conv.bias is not None
        conv.weight[2] = 0
        conv.bias[2] = -1
    activities = seen(net, [(torch.randn(8, 1, 32, 32), torch.arange(8))])
    name = next(pair.name for pair in find_pairs(net) if pair.producer is conv)
    assert activities[name].units == conv.out_channels
    assert activities[name].samples > 1000  # positions are samples
    assert 2 in flagged(find(activities[name], FEW).dead) + flagged(
        find(activities[name], FEW).saturated
    )


def test_the_nodes_of_a_network_of_blocks_are_looked_at_by_their_values() -> None:
    net = Blocks([16, 3, 4])
    bias = net.block(0, 1).bias
    assert bias is not None
    bias.data.copy_(torch.tensor([-1.0, 1.0, 0.0]))
    activity = Activity(3)
    activity.add(net.trace(blobs(1000, 1)[0]).values[1])
    assert flagged(find(activity).dead) == [0, 2]  # no input at all, and no more than 0
    assert flagged(find(activity).saturated) == [1]


def test_sensitivity_is_what_a_unit_contributes_to_the_loss_to_first_order() -> None:
    activity = Activity(2)
    activity.add(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([[0.5, -1.0], [-1.0, 4.0]]))
    assert activity.sensitivity.tolist() == [(0.5 + 3) / 2, 1.0]


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


def test_the_worst_come_first_then_by_index() -> None:
    every, none = torch.ones(4, dtype=torch.bool), torch.zeros(4, dtype=torch.bool)
    found = Extrema(none, none, every, torch.tensor([1.0, 3.0, 1.0, 2.0]))
    assert found.worst("hot", 3).tolist() == [1, 3, 0]
    assert found.worst("dead", 3).tolist() == []


def test_the_curve_is_the_last_nonlinearitys() -> None:
    assert Curve.of([nn.Tanh(), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()]) == RECTIFIED
    assert Curve.of([nn.Dropout()]).kind == "open"


def test_bad_input_is_told() -> None:
    activity = Activity(3)
    with pytest.raises(ValueError, match="4 units, where there are 3"):
        activity.add(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="not finite"):
        activity.add(torch.full((2, 3), math.nan))
    activity.add(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="after 2 samples, and it takes 1000"):
        find(activity)
