"""Edges in proportion: exact numbers, new ones stay, outputs stay reached, skips as asked for."""

from __future__ import annotations

import math
from typing import Any

import loops
import pytest
import torch

from espalier.core.contracts import CannotTrain, Run
from espalier.layers.masked_blocks import Blocks, chain
from espalier.methods.growth.placement import block_rewiring
from espalier.methods.growth.proportional import Proportional
from espalier.methods.growth.structure import skeleton
from espalier.methods.growth.timing.growth_credits import CreditOptions, GrowthBudget
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.optimizers.adamw import AdamW

TWENTY = GrowthSchedule(events=20, stop=1.0)  # the last at step 47 of 48


def run_of(seed: int = 0, density: float = 0.3, **fields: Any) -> Run:
    method = Proportional(**{"schedule": TWENTY, **fields})
    return loops.run_of(AdamW(), method, model=loops.blocks_network(seed, density))


def born(run: Run) -> dict[tuple[int, int], torch.Tensor]:
    """Births of all edges that there could be, -1 where there is none."""
    net: Blocks = run.method_state.net
    nodes = len(net.sizes)
    lacking = {p: block_rewiring.missing_edges(net, p) for p in chain(nodes, nodes)}
    there = {p: block.births for p, block in net.each()}
    return {p: there.get(p, torch.full(m.shape, -1)).clone() for p, m in lacking.items()}


@pytest.mark.parametrize("where", ["gradient", "random"])
@pytest.mark.parametrize("skips", [0.0, 0.25, 1.0])
def test_as_many_go_as_come_at_each_of_twenty_moments(where: str, skips: float) -> None:
    run = run_of(where=where, skips=skips)
    state: GrowthState = run.method_state
    live, per_event = state.net.live, math.ceil(0.1 * state.net.live)
    for _ in range(47):
        events = state.num_events
        loops.train(run, 1)
        assert state.net.live == live
        if state.num_events > events:
            new = sum(int((b.births == run.step).sum()) for _, b in state.net.each())
            assert new == per_event  # all that came is still there after the event
    measures = run.method.measures(run)
    assert len(state.steps) == 20 and state.memory.new == 20 * per_event
    assert measures["edges_added"] == measures["edges_dropped"] == 20 * per_event
    assert measures["live_edges"] == live
    assert abs(measures["skip_share"] - skips) < 0.05
    assert (measures["skip_edges"] > 0) == (skips > 0)


@pytest.mark.parametrize("grace", [0, 1, 3])
def test_new_edges_stay_for_as_many_moments_as_asked_for(grace: int) -> None:
    run = run_of(grace=grace, density=0.5)
    state: GrowthState = run.method_state
    shortest = 99
    for _ in range(47):
        before, events = born(run), state.num_events
        loops.train(run, 1)
        if state.num_events > events:
            for pair, births in born(run).items():
                gone = before[pair][(before[pair] > 0) & (births < 0)]
                ages = [sum(step > b for step in state.steps[:-1]) for b in gone.tolist()]
                shortest = min([shortest, *ages])
    assert shortest == grace  # what goes has stayed so long, and some no longer


@pytest.mark.parametrize("seed", range(6))
def test_outputs_that_are_reached_stay_reached(seed: int) -> None:
    run = run_of(seed, density=0.12, rate=0.5, grace=0, floor=0.0)
    net: Blocks = run.method_state.net
    reachable_units = skeleton.reachable_units(net)[-1]
    for _ in range(47):
        loops.train(run, 1)
        now = skeleton.reachable_units(net)[-1]
        assert bool(now[reachable_units].all())
        reachable_units = now


def test_a_layer_keeps_what_it_is_to_keep() -> None:
    run = run_of(rate=0.5, grace=0, floor=0.8, skips=1.0)
    net: Blocks = run.method_state.net
    floors = {pair: math.ceil(0.8 * count) for pair, count in net.ledger().items()}
    loops.train(run, 47)
    assert all(net.ledger()[pair] >= floor for pair, floor in floors.items())
    assert any(net.ledger()[pair] == floor for pair, floor in floors.items())


def test_without_pruning_the_network_grows_by_its_rate() -> None:
    run = run_of(prune=False, grace=None, floor=None, schedule=GrowthSchedule(events=3, stop=0.5))
    net: Blocks = run.method_state.net
    live = net.live
    loops.train(run, 24)
    for _ in range(3):
        live += math.ceil(0.1 * live)
    assert net.live == live


def test_a_full_network_has_no_room_and_none_is_made() -> None:
    run = run_of(density=1.0, skips=0.0)
    loops.train(run, 47)
    assert run.method.measures(run)["edges_added"] == 0


def test_skips_take_the_room_that_there_is() -> None:
    run = run_of(
        density=1.0, rate=1.0, skips=0.5, floor=0.0, schedule=GrowthSchedule(events=1, stop=0.5)
    )
    state: GrowthState = run.method_state
    live = state.net.live
    loops.train(run, 24)
    assert state.net.live == live
    assert state.memory.new == state.memory.skips > 0  # of others none was missing


def test_a_network_without_hidden_units_has_no_skips() -> None:
    net = Blocks((16, 4))
    net.draw(0.3)
    with pytest.raises(CannotTrain, match="CONFIG_PROPORTIONAL_SKIPS=0.2"):
        loops.run_of(AdamW(), Proportional(schedule=TWENTY), model=net)
    run = loops.run_of(AdamW(), Proportional(skips=0.0, schedule=TWENTY), model=net)
    assert loops.train(run, 47).method_state.net.live == net.live


def test_what_costs_nothing_cannot_be_paid_for() -> None:
    with pytest.raises(CannotTrain, match="CONFIG_GROWTH_PAY=credits: as many edges go as come"):
        run_of(budget=GrowthBudget("credits", CreditOptions()))
    paid = run_of(
        budget=GrowthBudget("credits", CreditOptions()), prune=False, grace=None, floor=None
    )
    assert paid.method_state.ledger is not None


def test_it_goes_on_from_what_was_saved() -> None:
    whole = loops.train(run_of(), 40)
    half = loops.train(run_of(), 21)
    again = loops.train(loops.resume(run_of(seed=5), half), 19)
    assert loops.same(loops.values(again.model), loops.values(whole.model))
    assert again.method_state.memory == whole.method_state.memory
