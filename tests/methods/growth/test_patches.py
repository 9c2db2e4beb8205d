"""Patches: exact when they come, counted, within their budget; dead units live again; rates."""

from __future__ import annotations

from typing import Any

import loops
import pytest
import torch
from torch import Tensor

from espalier.core.contracts import CannotTrain, Run
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.patches import Patches
from espalier.methods.growth.placement.unit_statistics import measure_units
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.optimizers.adam import Adam
from espalier.rates.by_age import Dual
from espalier.rates.by_event import Differential
from espalier.rates.composing import MultiplierBounds
from espalier.rates.param_view import Strategy
from espalier.rates.scaling import UpdateScale

ONCE = GrowthSchedule(events=1, stop=0.25)  # after update 12 of 48
WHERE = ("extrema", "gradient", "random", "scattered")
SIZES = (16, 24, 20, 12, 4)


def run_of(sizes: tuple[int, ...] = SIZES, density: float = 0.3, **fields: Any) -> Run:
    torch.manual_seed(0)
    net = Blocks(sizes)
    net.draw(density)
    return loops.run_of(Adam(), Patches(**{"schedule": ONCE, **fields}), model=net)


def until_the_event(run: Run) -> Run:
    """The update that it follows is done, and it has not come yet."""
    loops.train(run, 11)
    loops.backward(run.model, run.step)
    run.optimizer.step()
    run.step += 1
    return run


def logits(run: Run) -> Tensor:
    run.model.eval()
    with torch.no_grad():
        logits: Tensor = run.model(run.train.x)
    run.model.train()
    return logits


@pytest.mark.parametrize("kind", ["embedded", "hidden"])
@pytest.mark.parametrize("where", WHERE)
def test_patches_come_exactly_and_the_scaffold_stays(where: Any, kind: Any) -> None:
    run = until_the_event(run_of(where=where, kind=kind, share=0.5))
    run.model.double()
    run.train = type(run.train)(run.train.x.double(), run.train.y)
    run.validation = run.train
    net = run.method_state.net
    before, live = logits(run), net.live
    masks = {pair: block.mask.clone() for pair, block in net.each()}
    weights = {pair: block.weight.detach().clone() for pair, block in net.each()}
    run.method.after_step(run)
    assert float((logits(run) - before).abs().max()) < 1e-6
    assert torch.equal(logits(run), logits(run))
    quantised = 1 if kind == "hidden" and where != "scattered" else 0
    assert round(0.5 * live) - quantised <= net.live - live <= round(0.5 * live)
    revived = run.method.measures(run)["revived_units"]
    for pair, mask in masks.items():
        rows, columns = mask.shape
        block = net.block(*pair)
        assert bool(block.mask[:rows, :columns][mask].all())
        if not revived:
            assert torch.equal(block.weight[:rows, :columns][mask], weights[pair][mask])
    net.assert_masked(run.optimizer)


@pytest.mark.parametrize("where", WHERE)
def test_the_budget_is_spent_to_the_edge_over_all_moments(where: Any) -> None:
    run = run_of(where=where, share=0.7, schedule=GrowthSchedule(events=5, stop=0.6))
    scaffold = run.method_state.net.live
    loops.train(run, 48)
    measured = run.method.measures(run)
    assert measured["patch_edges"] == measured["edges_added"] == round(0.7 * scaffold)
    assert measured["live_edges"] == scaffold + round(0.7 * scaffold)
    assert measured["growth_events"] == 5
    assert 0 < measured["sparsity"] < 1
    steps = [event.step for event in run.method_state.editor.events if event.op != "revive"]
    each = [sum(e.added for e in run.method_state.editor.events if e.step == s) for s in set(steps)]
    assert max(each) - min(each) <= 1


def test_a_network_that_lacks_no_edge_has_room_for_units() -> None:
    run = run_of(sizes=(16, 6, 4), density=1.0, where="gradient", kind="hidden", share=0.8)
    loops.train(run, 12)
    assert run.model.live == 120 + 96


@pytest.mark.parametrize("sizes", [(3, 2), (5, 4), (8, 3)])
def test_a_patch_measures_what_was_asked_for(sizes: tuple[int, int]) -> None:
    sources, targets = sizes
    run = run_of(where="random", sources=sources, targets=targets, density=0.0001, share=9.0)
    assert run.method_state.net.live == 4  # one edge in each block
    loops.train(run, 12)
    whole = [e for e in run.method_state.editor.events if len(e.parents) == sources]
    assert whole and all(event.added <= sources * targets for event in whole)
    assert run.method_state.net.live == 4 + 36


@pytest.mark.parametrize(("revives", "expected"), [(True, 8), (False, 0)])
def test_planted_dead_units_fire_again_only_if_they_are_revived(
    revives: bool, expected: int
) -> None:
    run = run_of(where="extrema", share=1.0, revive=revives)
    net = run.method_state.net
    planted = {1: torch.arange(0, 10, 2), 2: torch.arange(1, 6, 2)}
    for node, units in planted.items():
        with torch.no_grad():
            net.block(node - 1, node).bias[units] = -1e3
    loops.train(run, 12 + 18)  # three epochs behind the event
    stats = measure_units(run)
    alive = sum(int((stats.activity(n).firing[units] > 0).sum()) for n, units in planted.items())
    assert alive == expected
    assert run.method.measures(run)["dead_units"] >= 8


def test_what_cannot_be_patched_is_said_at_once() -> None:
    with pytest.raises(CannotTrain, match="need 1 or more hidden layers, and .* has 0"):
        run_of((16, 4))
    with pytest.raises(CannotTrain, match="need 2 or more hidden layers"):
        run_of((16, 8, 4), kind="hidden", where="extrema")
    with pytest.raises(CannotTrain, match="SHARE=3 asks for .* edges, and there is room for"):
        run_of(share=3.0)


def test_the_scaffold_drifts_and_patches_are_no_part_of_it() -> None:
    run = until_the_event(run_of())
    run.method.after_step(run)
    assert run.method.measures(run)["scaffold_drift"] == 0
    state: GrowthState = run.method_state
    block = state.net.block(0, 1)
    old = {pair: (b.births == 0) for pair, b in state.net.each()}
    norm = sum(float(b.weight.detach()[old[p]].square().sum()) for p, b in state.net.each())
    with torch.no_grad():
        block.weight[block.births > 0] = 5.0
        block.weight[block.births == 0] += 0.1
    moved = 0.01 * int((block.births == 0).sum())
    drift = run.method.measures(run)["scaffold_drift"]
    assert drift == pytest.approx((moved / norm) ** 0.5, rel=1e-4)


def scaled_update(strategy: Strategy) -> tuple[Run, dict[Any, Tensor]]:
    """A patched run's first update under a fresh optimizer: |dW| over the rate, by block."""
    run = until_the_event(run_of(where="gradient", share=1.0))
    run.method.after_step(run)
    run.optimizer.state.clear()
    net = run.method_state.net
    before = {pair: block.weight.detach().clone() for pair, block in net.each()}
    scale = UpdateScale(run, [strategy], MultiplierBounds())
    loops.backward(run.model, run.step)
    scale.prepare()
    scale.before()
    run.optimizer.step()
    scale.after()
    run.step += 1
    run.method.after_step(run)
    return run, {
        pair: (block.weight.detach() - before[pair]).abs() / 0.01 for pair, block in net.each()
    }


def mean_of(run: Run, moved: dict[Any, Tensor], pairs: Any, grown: bool) -> float:
    """Over edges that have a gradient."""
    values = []
    for pair in pairs:
        block = run.method_state.net.block(*pair)
        chosen = (block.births > 0) == grown
        values.append(moved[pair][chosen & block.mask & (block.weight.grad.abs() > 1e-5)])
    return float(torch.cat(values).mean())


def test_patches_train_as_much_faster_than_the_scaffold_as_dual_rates_say() -> None:
    run, moved = scaled_update(Dual(scaffold=0.1, patch=0.5))
    new, old = (mean_of(run, moved, run.method_state.net.pairs, grown) for grown in (True, False))
    assert new / old == pytest.approx(5.0, rel=0.05)


def test_differential_rates_go_by_the_distance_from_the_patches() -> None:
    run, moved = scaled_update(Differential(grown=0.6, adjacent=0.4, distant=0.2, recovery=10**9))
    pairs = run.method_state.net.pairs
    mask_indices = [p for p in pairs if bool((run.method_state.net.block(*p).births > 0).any())]
    for depth, pair in enumerate(pairs):
        away = min(abs(depth - pairs.index(place)) for place in mask_indices)
        shock = (0.6, 0.4, 0.2)[min(away, 2)]
        assert mean_of(run, moved, [pair], False) == pytest.approx(shock, rel=0.05)
    assert mean_of(run, moved, mask_indices, True) == pytest.approx(1.0, rel=0.05)
