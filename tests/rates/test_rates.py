"""Every strategy against its closed form, at tables of depth, age and phase."""

import itertools
import math

import pytest
import torch

from espalier.core.birth_record import GrowthEvent
from espalier.rates import by_age, by_depth, by_event, by_norm
from espalier.rates.composing import MultiplierBounds, move, product
from espalier.rates.param_view import Moment, ParamView

EXACT = {"rel": 0, "abs": 1e-12}
WIDE = MultiplierBounds(0.0, 1e6)


def part(
    births=None,
    step=0,
    growths=(),
    depth=0,
    layers=1,
    weight=None,
    gradient=None,
    places=None,
    total=100,
    decay=0.0,
):
    if births is not None:
        births = torch.tensor(births)
        weight = torch.ones(births.shape) if weight is None else weight
    growths = tuple(g if isinstance(g, GrowthEvent) else GrowthEvent(g) for g in growths)
    return ParamView(
        depth,
        layers,
        Moment(step, 10, total, growths),
        torch.ones(2, 2) if weight is None else weight,
        gradient,
        births,
        decay,
        places,
    )


def near(values):
    return pytest.approx(values, **EXACT)


def numbers(factor, count):
    return factor.expand(count).tolist()


def test_cascade():
    found = [by_depth.Cascade(0.5).factor(part(depth=i, layers=3)) for i in range(3)]
    assert found == near([0.25, 0.5, 1.0])
    other = by_depth.Cascade(0.5, "output")
    assert [other.factor(part(depth=i, layers=3)) for i in range(3)] == near([1.0, 0.5, 0.25])


def test_pretrained():
    known = by_depth.Pretrained(fresh=1, ratio=0.01, adapter=0.5, unfreeze=0)
    vector = torch.ones(2)
    assert known.factor(part(depth=0, layers=3)) == 0.01
    assert known.factor(part(depth=1, layers=3, weight=vector)) == 0.5
    assert known.factor(part(depth=2, layers=3)) == 1.0
    assert known.factor(part(depth=2, layers=3, weight=vector)) == 1.0


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, [0, 0, 1]), (1, [0, 0, 1]), (2, [0, 0.01, 1]), (4, [0.01, 0.01, 1])],
)
def test_pretrained_layers_thaw_one_by_one(epoch, expected):
    known = by_depth.Pretrained(fresh=1, ratio=0.01, adapter=0.5, unfreeze=2)
    parts = [part(depth=i, layers=3, step=10 * epoch) for i in range(3)]
    assert [known.factor(p) for p in parts] == expected
    frozen = [known.frozen(i, 3, parts[i].moment) for i in range(3)]
    assert frozen == [value == 0 for value in expected]


def test_freezing():
    frozen = by_depth.Freezing(0.5)  # of three layers after 0.5 and 0.75 of the run
    for step, (one, two) in {
        0: (1.0, 1.0),
        25: (0.5, (1 + math.cos(math.pi / 3)) / 2),
        50: (0.0, (1 + math.cos(2 * math.pi / 3)) / 2),
        75: (0.0, 0.0),
    }.items():
        found = [frozen.factor(part(depth=i, layers=3, step=step)) for i in range(3)]
        assert found == near([one, two, 1.0])
        asleep = [frozen.frozen(i, 3, Moment(step, 10, 100)) for i in range(3)]
        assert asleep == [one == 0, two == 0, False]


def test_a_network_of_one_layer_is_never_frozen():
    assert by_depth.Freezing(0.5).factor(part(step=99)) == 1.0


def test_dual():
    found = by_age.Dual(0.1, 0.5).factor(part([0, 7, -1], step=9))
    assert found.tolist() == near([0.1, 0.5, 0.1])
    assert float(by_age.Dual(0.1, 0.5).factor(part(step=9))) == 0.1
    later = by_age.Dual(0.1, 0.5, "growth")
    assert float(later.factor(part(step=9))) == 1.0
    assert later.factor(part([0, 7, -1], step=9, growths=(7,))).tolist() == near([0.1, 0.5, 0.1])


def test_age_counts_events_outlived():
    births = [0, 10, 20, 30]
    found = by_age.Age(0.1, 0.01).factor(part(births, step=35, growths=(10, 20, 30)))
    assert found.tolist() == near([0.01, 0.01, 0.1, 1.0])  # 3 events would make 0.001: the floor
    assert by_age.ageing(torch.arange(3), 0.1, 0.0).tolist() == near([1, 0.1, 0.01])
    half = torch.tensor(math.log(0.5) / math.log(0.1), dtype=torch.float64)
    assert float(by_age.ageing(half, 0.1, 0.0)) == near(0.5)


def test_tags_change_at_their_steps_and_each_element_has_one():
    ages = torch.tensor([0, 99, 100, 499, 500])
    assert by_age.tags(ages, torch.tensor(True), 100, 400).tolist() == [0, 0, 1, 1, 2]
    assert by_age.tags(ages, torch.tensor(False), 100, 400).tolist() == [2] * 5
    factor = by_age.Component(1.0, 0.5, 0.1, 100, 400).factor(part([0, 1, 401, 500], step=501))
    assert factor.tolist() == near([0.1, 0.1, 0.5, 1.0])


def test_warmup_is_of_newborns_and_ends_exactly():
    ages = torch.arange(7)
    assert by_age.warmed(ages, 5).tolist() == near([0.2, 0.4, 0.6, 0.8, 1, 1, 1])
    factor = by_age.Warmup(5).factor(part([0, 8, 5], step=8))
    assert factor.tolist() == near([1.0, 0.2, 0.8])


def test_strata_have_exact_borders_and_cover_everything():
    ages = torch.tensor([0, 20, 21, 100, 101])
    assert by_age.strata(ages, 20, 100).tolist() == [0, 0, 1, 1, 2]
    strategy = by_age.Sedimentary(1, 2, 0.1, 0.01)
    found = strategy.factor(part([0, 10, 20, 30], step=30, growths=(10, 20, 30)))
    assert found.tolist() == near([0.01, 0.1, 1.0, 1.0])


def test_growth_slows_what_outlives_it_and_lets_it_recover():
    strategy = by_event.AfterGrowth(0.5, 10, 0.1)
    table = {20: [0.5, 1.0], 25: [0.75, 1.0], 30: [1.0, 1.0], 99: [1.0, 1.0]}
    for step, expected in table.items():
        found = strategy.factor(part([0, 20], step=step, growths=(20,)))
        assert found.tolist() == near(expected)
    many = strategy.factor(part([0, 3], step=9, growths=range(1, 10)))
    assert many.tolist() == near([0.1, 0.1])  # ten halvings would be 0.001: the floor
    two = strategy.factor(part([0, 4, 8], step=9, growths=(4, 8)))
    assert two.tolist() == near([0.75 * 0.55, 0.55, 1.0])


def test_differential_decay_of_a_chain_of_five():
    places = {str(i): i for i in range(5)}
    event = GrowthEvent(10, ("2",))
    strategy = by_event.Differential(0.9, 0.7, 0.5, 10, 0.1)
    at = [
        strategy.factor(part([0], 10, (event,), depth=i, layers=5, places=places)) for i in range(5)
    ]
    assert [float(f) for f in at] == near([0.5, 0.7, 0.9, 0.7, 0.5])
    later = strategy.factor(part([0], 15, (event,), depth=0, layers=5, places=places))
    assert float(later) == near(0.75)
    everywhere = strategy.factor(
        part([0], 10, (GrowthEvent(10),), depth=0, layers=5, places=places)
    )
    assert float(everywhere) == near(0.9)


def test_lars():
    w, g = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    found = by_norm.Lars(0.01).factor(part(weight=w, gradient=g, decay=0.1))
    assert float(found) == near(0.01 * 5 / (2 + 0.1 * 5))
    assert float(by_norm.lars(w, 7 * g, 0.0, 1.0)) * 7 == near(float(by_norm.lars(w, g, 0.0, 1.0)))
    bad = torch.tensor([[math.inf, 0.0]])
    for one, other in [(w, 0 * g), (0 * w, g), (w, bad), (w, bad * math.nan), (0 * w, 0 * g)]:
        assert float(by_norm.lars(one, other, 0.0, 1.0)) == 1.0


def test_lars_sees_live_weights_only_and_leaves_vectors():
    w, g = torch.tensor([[3.0, 4.0, 0.0]]), torch.tensor([[0.0, 2.0, 9.0]])
    found = by_norm.Lars(1.0).factor(part(weight=w, gradient=g))
    assert float(found) == near(2.5)
    fresh, g = torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([[0.0, 2.0, 9.0]])
    known = by_norm.Lars(1.0).factor(part([[0, -1, 4]], 5, (4,), weight=fresh, gradient=g))
    assert float(known) == near(3 / 9)
    assert by_norm.Lars(1.0).factor(part(weight=w[0], gradient=g[0])) == 1.0
    assert by_norm.Lars(1.0).factor(part(weight=w)) == 1.0


def test_density_is_continuous_and_nothing_at_power_0():
    sparse = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]])
    assert float(by_norm.Density(0.5, 0.5).factor(part(weight=sparse))) == near(2.0)
    assert float(by_norm.Density(0.5, 0.0).factor(part(weight=sparse))) == 1.0
    assert by_norm.Density(0.5, 0.5).factor(part(weight=sparse[0])) == 1.0
    densities = torch.linspace(0.01, 1, 1000, dtype=torch.float64)
    steps = by_norm.by_density(densities, 0.1, 0.5)
    assert float((steps[1:] - steps[:-1]).abs().max()) < 0.2


def test_what_an_update_changes_in_the_outputs_is_alike_at_all_densities():
    """SGD on a fan-in scaled layer: an update of (d_ref/d)^.5 the size at a d-th of the edges."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 400, generator=generator)
    sizes = []
    for density in (0.02, 0.05, 0.1, 0.2, 0.5):
        mask = torch.rand(50, 400, generator=generator) < density
        update = torch.randn(50, 400, generator=generator) * mask  # gradients of one size an edge
        factor = by_norm.Density(1.0, 0.5).factor(part(weight=mask.float()))
        sizes.append(float((x @ (factor * update).float().T).std()))
    assert max(sizes) < 2 * min(sizes)


ALL = [
    by_depth.Cascade(),
    by_depth.Pretrained(),
    by_depth.Freezing(),
    by_age.Dual(),
    by_age.Age(),
    by_age.Component(),
    by_age.Warmup(),
    by_age.Sedimentary(),
    by_event.AfterGrowth(),
    by_event.Differential(),
    by_norm.Lars(),
    by_norm.Density(),
]


def test_the_product_does_not_depend_on_the_order():
    one = part([[0, 10], [20, -1]], 22, (10, 20), 1, 3, gradient=torch.full((2, 2), 0.1), places={})
    wanted = WIDE.limit(product(ALL, one))
    for k, order in enumerate(itertools.islice(itertools.permutations(ALL), 0, None, 997)):
        assert WIDE.limit(product(order, one)).flatten().tolist() == near(wanted.flatten().tolist())
        if k == 50:
            break
    singly = torch.ones((), dtype=torch.float64)
    for strategy in ALL:
        singly = singly * strategy.factor(one)
    assert wanted.flatten().tolist() == near(singly.flatten().tolist())


def test_the_combined_strategy_in_closed_form():
    three = [by_depth.Cascade(0.5), by_age.Age(0.5, 0.1), by_age.Warmup(50)]
    births, growths = [0, 100, 200, 900], (100, 200, 900)
    found = product(three, part(births, 909, growths, depth=1, layers=3))
    expected = [0.5 * 0.5**3, 0.5 * 0.5**2, 0.5 * 0.5**1, 0.5 * 10 / 50]  # the last at update 10
    assert found.tolist() == near(expected)


def test_bounds_leave_what_is_frozen_alone():
    bounds = MultiplierBounds(0.01, 2.0)
    assert [bounds.limit(f) for f in (0.0, 1e-9, 0.5, 9.0)] == [0.0, 0.01, 0.5, 2.0]
    limited = bounds.limit(torch.tensor([0.0, 1e-9, 0.5, 9.0], dtype=torch.float64))
    assert limited.tolist() == [0.0, 0.01, 0.5, 2.0]


@pytest.mark.parametrize("factor", [0.0, 1.0, torch.zeros(()), torch.ones(9).double()])
def test_moving_is_exact_at_0_and_1(factor):
    before, after = torch.randn(9), torch.randn(9)
    parameter = after.clone()
    move([parameter], [before.clone()], [factor])
    assert torch.equal(parameter, after if torch.as_tensor(factor).sum() > 0 else before)


def test_moving_goes_beyond_an_update_too():
    before, after = torch.randn(9), torch.randn(9)
    parameter = after.clone()
    move([parameter], [before.clone()], [5.0])
    torch.testing.assert_close(parameter, before + 5 * (after - before))
