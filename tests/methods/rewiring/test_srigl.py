"""SRigL beside the rule of its paper, written out in numpy; how many inputs units have."""

import loops
import numpy as np
import pytest
import torch
from masked_descent import follow, live_masks
from plain_layers import gradients, network

import espalier
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.srigl import StructuredLottery
from espalier.optimizers.adam import Adam

STEPS, EVERY, LR, SHARE, STOP, DENSITY = 100, 7, 0.2, 0.4, 0.8, 0.3


def salient_counts(w, g, mask, kept, grown):
    """Salient weights of each unit: of the live the largest, of the missing the steepest."""
    live = sorted(np.argwhere(mask).tolist(), key=lambda at: -abs(w[tuple(at)]))[:kept]
    missing = sorted(np.argwhere(~mask).tolist(), key=lambda at: -abs(g[tuple(at)]))[:grown]
    counts = [0] * len(w)
    for unit, _ in live + missing:
        counts[unit] += 1
    return counts


def event(w, g, mask, budget, rate, share):
    """Steps 1 to 6 of section 3 for one layer; with a share of None no unit is ablated."""
    units, inputs = mask.shape
    grown = int(mask.sum() * rate)
    kept = int(mask.sum()) - grown
    alive = list(range(units))
    if share is not None:
        counts = salient_counts(w, g, mask, kept, grown)
        least = max(1, int(share * (budget // units)))
        least = min(least, sorted(counts, reverse=True)[min(-(-budget // inputs), units - 1)])
        alive = [unit for unit in alive if counts[unit] >= least]
    fan_in = budget // len(alive)
    places = [(unit, i) for unit, i in np.argwhere(mask).tolist() if unit in alive]
    places = sorted(places, key=lambda at: -abs(w[at]))[:kept]
    new = np.zeros_like(mask)
    for unit in alive:
        own = [i for row, i in places if row == unit][:fan_in]
        rest = sorted((i for i in range(inputs) if i not in own), key=lambda i: -abs(g[unit, i]))
        new[unit, own + rest[: fan_in - len(own)]] = True
    return new


BUDGETS = (43, 19, 8)  # 0.3 of 144, 63 and 28 weights, of 235 in all


def events(share):
    """The events of the three layers; the last one loses no unit."""
    shares = [share or None, share or None, None]

    def after(step, weights, grads, masks):
        if step % EVERY or step >= STOP * STEPS:
            return masks
        rate = SHARE / 2 * (1 + np.cos(np.pi * step / (STOP * STEPS)))
        parts = zip(weights, grads, masks, BUDGETS, shares, strict=True)
        return [event(w, g, m, n, rate, s) for w, g, m, n, s in parts]

    return after


@pytest.mark.parametrize(("share", "ablated"), [(0.0, 0), (0.3, 1), (0.9, 4)])
def test_a_hundred_updates_are_the_published_ones(share, ablated):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    own = {"frequency": EVERY, "drop_fraction": SHARE, "stop": STOP, "min_salient": share}
    method = espalier.SRigL(
        model, optimizer, total_steps=STEPS, density=DENSITY, init="full", **own
    )
    fan_ins = [mask.sum(1).tolist() for mask in live_masks(model)]
    assert fan_ins == [[4] * 9, [2] * 7, [2] * 4]

    def update(step):
        gradients(model, step)
        optimizer.step()
        method.step()

    masks = follow(model, update, events(share), STEPS, LR)
    assert sum(int((~mask.any(1)).sum()) for mask in masks) == ablated


@pytest.mark.parametrize("share", [0.0, 0.95])
def test_all_live_units_have_as_many_inputs(share):
    plan = with_defaults(SparsePlan, density=0.5)  # 14, 30 and 10 of 27, 60 and 20 weights
    schedule = DropSchedule(0.3, every=2, stop=1.0)
    run = loops.run_of(Adam(), StructuredLottery(plan, schedule, share))
    for _ in range(24):
        loops.train(run, 2)
        rows = [live.flatten(1).sum(1) for live in run.method_state.edges.live]
        for counts, budget in zip(rows, (14, 30, 10), strict=True):
            alive = counts[counts > 0]
            assert (alive == budget // len(alive)).all()
        assert (rows[-1] == 2).all()
    ablated = run.method.measures(run)["units_ablated"]
    assert ablated == sum(int((counts == 0).sum()) for counts in rows)
    assert (ablated > 0) == (share > 0)


def test_a_layer_with_fewer_weights_than_units_gives_each_one():
    plan, schedule = with_defaults(SparsePlan, density=0.1), DropSchedule(0.3, every=2, stop=1.0)
    run = loops.run_of(Adam(), StructuredLottery(plan, schedule, 0.0))
    loops.train(run, 8)
    rows = [live.flatten(1).sum(1).tolist() for live in run.method_state.edges.live]
    assert rows == [[1] * 3, [1] * 5, [1] * 4]
