"""Highways and clones for planted units: what is found, what is built, and what it is worth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import growth_beds
import pytest
import torch
from torch.nn import functional as F

from espalier.core.contracts import Run
from espalier.core.samples import Split
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.placement.feedforward_highways import (
    HighwayBounds,
    HighwaySearch,
    Route,
    find_dead_units,
    find_overactive_units,
    measure_grown_worth,
    scatter,
    without_grown,
)
from espalier.methods.growth.placement.unit_statistics import UnitStatistics
from espalier.methods.growth.structure.network_editor import NetworkEditor

PLENTY = HighwayBounds(count=9, edges=999)
HOT = (1, 3)
DEAD = {2: [5], 3: [1]}


def planted() -> NetworkEditor:
    """A unit of node 1 that is far larger than the others, and a dead one in nodes 2 and 3."""
    made = growth_beds.editor(seed=1, density=1.0, reach=1)
    with torch.no_grad():
        for block in (made.net.block(0, 1), made.net.block(1, 2), made.net.block(2, 3)):
            block.weight.mul_(0.3)
            block.bias.zero_()  # half of the samples let a unit fire
        made.net.block(0, 1).weight[HOT[1]].mul_(40)
        made.net.block(1, 2).weight[:, HOT[1]].div_(40)
    for node, units in DEAD.items():
        growth_beds.kill(made.net, node, units[0])
    return made


def stats(net: Blocks, samples: int = 1000) -> UnitStatistics:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(samples, growth_beds.SIZES[0], generator=generator, dtype=torch.float64)
    y = torch.randint(growth_beds.SIZES[-1], (samples,), generator=generator)
    trace = net.trace(x)
    slopes = torch.autograd.grad(F.cross_entropy(trace.sums[-1], y, reduction="sum"), trace.sums)
    return UnitStatistics([value.detach() for value in trace.values], list(slopes))


def search(made: NetworkEditor, targets: int = 2, taken: tuple[Any, ...] = ()) -> HighwaySearch:
    return HighwaySearch(made.net, stats(made.net), targets, taken)


def test_planted_units_are_found() -> None:
    made = planted()
    seen = stats(made.net)
    assert find_dead_units(seen, made.net) == {1: [], **DEAD}
    assert HOT in find_overactive_units(seen, made.net)


def test_units_that_lead_nowhere_come_first() -> None:
    made = planted()
    growth_beds.kill(made.net, 2, 0)
    made.disconnect((2, 3), (torch.arange(5), torch.full((5,), 5)))
    assert find_dead_units(stats(made.net), made.net)[2] == [5, 0]


def only(routes: list[Route], source: tuple[int, int]) -> Route:
    return next(route for route in routes if route.source == source)


def test_a_hot_unit_gets_a_highway_and_its_value_arrives_unchanged() -> None:
    made = planted()
    seen, before = stats(made.net), growth_beds.logits(made.net)
    route = only(search(made).routes((2,), PLENTY), HOT)
    assert (route.dead, route.edges) == ((5, 1), 2 + 2)
    gains = seen.edge_gradient((1, 4))[:, HOT[1]]
    assert route.targets.tolist() == gains.argsort(descending=True).tolist()[:2]
    assert route.gain == pytest.approx(float(gains.sort(descending=True).values[:2].sum()))
    assert route.build(made) == ((2, 5), (3, 1))
    assert float((growth_beds.logits(made.net) - before).abs().max()) < 1e-12
    after = stats(made.net)
    assert torch.equal(after.values[3][:, 1], after.values[1][:, HOT[1]])
    assert sum(map(len, find_dead_units(after, made.net).values())) == 0  # there were two


def test_the_source_gets_a_gradient_by_a_new_path() -> None:
    made = planted()
    only(search(made).routes((2,), PLENTY), HOT).build(made)
    growth_beds.train(made, 3)
    net = made.net

    def slope() -> torch.Tensor:
        x, y = growth_beds.batch(-1)
        trace = net.trace(x)
        losses = F.cross_entropy(trace.sums[-1], y)
        (gradient,) = torch.autograd.grad(losses, trace.values[1])
        return gradient[:, HOT[1]]

    whole = slope()
    with without_grown(net):
        by_old_paths = slope()
    assert float((whole - by_old_paths).norm()) > 0


def test_without_dead_units_it_gets_a_clone() -> None:
    made = growth_beds.editor(seed=1, density=1.0, reach=1)
    with torch.no_grad():
        made.net.block(0, 1).weight[HOT[1]].mul_(1e3)
    before, sizes = growth_beds.logits(made.net), list(made.net.sizes)
    route = only(search(made).routes((2, 0), PLENTY), HOT)
    assert (route.dead, route.edges) == ((), 1 + 2)
    assert route.build(made) == ((2, sizes[2]),)
    assert float((growth_beds.logits(made.net) - before).abs().max()) < 1e-12
    trace = made.net.trace(growth_beds.batch(-1)[0])
    assert torch.equal(trace.values[2][:, -1], trace.values[1][:, HOT[1]])
    assert not [w for w in search(made).routes((2,), PLENTY) if w.source == HOT]


def test_each_dead_unit_serves_one_way() -> None:
    made = planted()
    with torch.no_grad():  # another unit as hot: there is one dead unit in each node
        made.net.block(0, 1).weight[5] = -made.net.block(0, 1).weight[HOT[1]]
    routes = search(made).routes((2, 0), PLENTY)
    assert sum(bool(route.dead) for route in routes) == 1
    assert {route.source for route in routes} >= {HOT, (1, 5)}
    gains = [route.gain for route in routes if route.dead == routes[0].dead]
    assert gains == sorted(gains, reverse=True)


def test_bounds_are_kept_and_sources_are_not_taken_twice() -> None:
    made = planted()
    with torch.no_grad():
        made.net.block(0, 1).weight[5] = -made.net.block(0, 1).weight[HOT[1]]
    assert len(search(made).routes((2, 0), HighwayBounds(count=1, edges=99))) == 1
    assert search(made).routes((2, 0), HighwayBounds(count=9, edges=2)) == []
    assert sum(w.edges for w in search(made).routes((2, 0), HighwayBounds(9, 6))) <= 6
    sources = {route.source for route in search(made, taken=(HOT,)).routes((2, 0), PLENTY)}
    assert HOT not in sources and (1, 5) in sources


def test_the_random_control_has_other_sources_and_as_many_edges() -> None:
    made = planted()
    looking = search(made)
    routes = looking.routes((2,), PLENTY)
    others = looking.move_sources(routes, torch.Generator().manual_seed(0))
    assert [route.edges for route in others] == [route.edges for route in routes]
    assert [route.dead for route in others] == [route.dead for route in routes]
    assert [route.source[0] for route in others] == [route.source[0] for route in routes]
    assert not {route.source for route in others} & {route.source for route in routes}


def test_the_scattered_control_has_as_many_edges_and_empties_the_same_units() -> None:
    first, second = planted(), planted()
    for made in (first, second):  # room for edges anywhere
        made.disconnect((0, 1), (torch.arange(3), torch.arange(3)))
        made.disconnect((3, 4), (torch.arange(3), torch.arange(3)))
    routes = search(first).routes((2,), PLENTY)
    before = growth_beds.logits(second.net)
    for route in routes:
        route.build(first)
    scatter(second, routes)
    assert first.net.live == second.net.live
    assert torch.equal(growth_beds.logits(second.net), before)
    added = [sum(event.added for event in made.events) for made in (first, second)]
    assert added[0] == added[1] == sum(route.edges for route in routes)


def test_worth_is_what_validation_loses_without_what_came() -> None:
    made = growth_beds.editor(density=0.3, reach=1)
    x, _ = growth_beds.batch(-1)
    made.connect((0, 4), growth_beds.missing(made.net, (0, 4), 2), 50.0)
    y = growth_beds.logits(made.net).argmax(1)  # all of them are right
    held = [p.detach().clone() for p in made.net.parameters()]
    run = SimpleNamespace(method_state=SimpleNamespace(graph=made), validation=Split(x, y))
    grown_worth = measure_grown_worth(cast(Run, run))
    whole = float((growth_beds.logits(made.net).argmax(1) == y).double().mean())
    with without_grown(made.net):
        rest = float((growth_beds.logits(made.net).argmax(1) == y).double().mean())
    assert grown_worth == pytest.approx(100 * (whole - rest)) and whole == 1 > rest
    assert all(map(torch.equal, held, made.net.parameters()))
