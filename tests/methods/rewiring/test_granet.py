"""GraNet beside the rule of its paper, written out in numpy."""

import loops
import numpy as np
import pytest
import torch
from masked_descent import follow
from plain_layers import gradients, matrices, network

import espalier
from espalier.core.contracts import CannotTrain
from espalier.core.run_length import RunLength
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.granet import GradualRegrowth
from espalier.methods.rewiring.initial_mask import InitialMask
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.optimizers.sgd import SGD

STEPS, EVERY, LR, SHARE, STOP, FINAL = 100, 7, 0.2, 0.4, 0.8, 0.25
LAST = 77  # the last multiple of EVERY below STOP * STEPS


def movable(weight, mask):
    """What may go: all but the largest of each unit, the one difference from the paper."""
    free = mask.copy()
    largest = np.where(mask, np.abs(weight), -1.0).argmax(1)
    if mask.sum() >= len(mask):
        free[np.arange(len(mask)), largest] = False
    return free


def event(weights, grads, masks, step):
    """One event of algorithm 1: pruning over all layers, then regeneration in each."""
    total = sum(mask.size for mask in masks)
    sparsity = (1 - FINAL) + (0 - (1 - FINAL)) * (1 - step / LAST) ** 3  # equation 1
    surplus = sum(mask.sum() for mask in masks) - round(total * (1 - sparsity))
    order = sorted(
        (abs(np.float32(w[at])), layer, at)
        for layer, (w, mask) in enumerate(zip(weights, masks, strict=True))
        for at in zip(*movable(w, mask).nonzero(), strict=True)
    )
    for _, layer, at in order[:surplus]:
        masks[layer][at] = False
    rate = SHARE / 2 * (1 + np.cos(np.pi * step / (STOP * STEPS)))
    for w, g, mask in zip(weights, grads, masks, strict=True):
        free = np.argwhere(movable(w, mask))
        count = min(int(mask.sum() * rate), len(free))
        for at in sorted(free.tolist(), key=lambda at: abs(w[tuple(at)]))[:count]:
            mask[tuple(at)] = False
        missing = np.argwhere(~mask).tolist()
        for at in sorted(missing, key=lambda at: -abs(g[tuple(at)]))[:count]:
            mask[tuple(at)] = True


def after_event(step, weights, grads, masks):
    if step % EVERY == 0 and step <= LAST:
        event(weights, grads, masks, step)
    return masks


def test_a_hundred_updates_are_the_published_ones():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    own = {"frequency": EVERY, "drop_fraction": SHARE, "stop": STOP}
    method = espalier.GraNet(model, optimizer, total_steps=STEPS, density=FINAL, init="full", **own)

    def update(step):
        gradients(model, step)
        optimizer.step()
        method.step()

    masks = follow(model, update, after_event, STEPS, LR)
    live = sum(int((w != 0).sum()) for w in matrices(model))
    total = sum(mask.size for mask in masks)
    assert live == round(FINAL * total) == sum(int(mask.sum()) for mask in masks)


def method_of(start):
    plan = with_defaults(SparsePlan, density=0.5, start=InitialMask("random", None))
    return GradualRegrowth(plan, DropSchedule(0.3, every=4, stop=1.0), start)


def test_the_density_falls_along_a_cubic_curve_to_the_last_event():
    method = method_of(1.0)
    assert method.density(0, 41) == 1.0
    assert method.density(20, 41) == 0.5 + 0.5 * 0.5**3
    assert method.density(40, 41) == 0.5 == method.density(41, 41)


def test_a_start_below_the_end_is_refused():
    with pytest.raises(CannotTrain, match="CONFIG_GRANET_START_DENSITY=0.3"):
        loops.run_of(SGD(), method_of(0.3))


@pytest.mark.parametrize(("total", "last"), [(41, 40), (40, 36), (4, 0)])
def test_the_last_event_is_before_the_end(total, last):
    schedule = DropSchedule(0.3, every=4, stop=1.0)
    assert schedule.last_due(total) == last
    assert schedule.rest(RunLength(1, total)).left == total - last
