"""CHT and CHTs beside their rules, written out link by link, over 100 updates."""

import math

import loops
import numpy as np
import pytest
import torch
from masked_descent import follow
from plain_layers import SHAPES, gradients, network

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.rewiring.cht import CannistraciHebb
from espalier.methods.rewiring.chts import SoftCannistraciHebb
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.optimizers.sgd import SGD

STEPS, EVERY, LR, SHARE, STOP, DENSITY = 102, 7, 0.2, 0.5, 0.8, 0.25
SCHEDULE = DropSchedule(SHARE, EVERY, STOP)
END = 81.6  # 0.8 of 102


def start(method):
    model, data = network(), loops.split()
    data = type(data)(data.x.double(), data.y)
    optimizer = SGD(momentum=0.0, nesterov=False).build(model, LR)
    random = {"method": torch.Generator().manual_seed(0)}
    run = Run(model, optimizer, method, data, data, 17, loops.BATCH, random)
    run.attach()
    return run


class Rule:
    """One layer's neighbours, and the score of a link by its paths or its nodes."""

    def __init__(self, live, score):
        self.units = [set(np.flatnonzero(row)) for row in live]
        self.inputs = [set(np.flatnonzero(column)) for column in live.T]
        self.score = {"paths": self._paths, "ch2_l3n": self._nodes}[score]

    def _community(self, u, v):
        """Inputs with a link to u and units with a link to v, on the same path; and all paths."""
        paths = [(a, b) for a in self.units[u] for b in self.inputs[v] if a in self.units[b]]
        return {a for a, _ in paths}, {b for _, b in paths}, paths

    def _paths(self, u, v):
        of_inputs, of_units, paths = self._community(u, v)
        out_a = {a: len(self.inputs[a] - of_units - {u}) for a in of_inputs}
        out_b = {b: len(self.units[b] - of_inputs - {v}) for b in of_units}
        return sum(((1 + out_a[a]) * (1 + out_b[b])) ** -0.5 for a, b in paths)

    def _nodes(self, u, v):
        of_inputs, of_units, _ = self._community(u, v)
        sides = [(self.inputs, of_inputs, of_units, u), (self.units, of_units, of_inputs, v)]
        return sum(
            (1 + len(links[n] & others)) / (1 + len(links[n] - others - {seed}))
            for links, nodes, others, seed in sides
            for n in nodes
        )


def uniform(generator):
    """Draws for every layer, as the run's generator gives them."""
    draws = (torch.rand(shape, generator=generator) for shape in SHAPES)
    return [draw.numpy().astype(np.float64) for draw in draws]


def chain_removal(masks):
    for first, second in zip(masks, masks[1:], strict=False):
        first[~second.any(0)] = False
        second[:, ~first.any(1)] = False


def waiting_longest(places, w, keys, exponent):
    """Places in a race at rates |w|^T, the last ones first."""
    rates = {at: exponent * math.log(max(abs(w[at]), 1e-12)) for at in places}
    return sorted(places, key=lambda at: rates[at] - math.log(-math.log(keys[at])))


def remove(w, mask, step, keys):
    """Remove the smallest weights of a layer, or with `keys` those that a draw leaves over."""
    count = int(mask.sum() * (SHARE / 2 * (1 + math.cos(math.pi * step / END))))
    places = [tuple(at) for at in np.argwhere(mask)]
    if keys is None:
        order = sorted(places, key=lambda at: np.float32(abs(w[at])))
    else:
        order = waiting_longest(places, w, keys, 1 + 2 * step / END)
    for at in order[:count]:
        mask[at] = False


def grow(mask, count, keys, soft):
    """Add the links with the highest scores to a layer, or links in proportion to scores."""
    rule = Rule(mask, "ch2_l3n" if soft else "paths")
    scores = {tuple(at): round(rule.score(*at), 9) for at in np.argwhere(~mask)}
    if soft and sum(score > 0 for score in scores.values()) < count:
        scores = {at: score + 1e-5 for at, score in scores.items()}
    if soft:
        ranks = {at: -math.log(keys[at]) / s for at, s in scores.items() if s > 0}
    else:
        ranks = {at: (-s, keys[at]) for at, s in scores.items()}
    for at in sorted(ranks, key=ranks.__getitem__)[:count]:
        mask[at] = True


def event(weights, masks, step, generator, soft):
    totals = [int(mask.sum()) for mask in masks]
    draws = uniform(generator) if soft else [None] * len(masks)
    for w, mask, keys in zip(weights, masks, draws, strict=True):
        remove(w, mask, step, keys)
    chain_removal(masks)
    for mask, total, keys in zip(masks, totals, uniform(generator), strict=True):
        grow(mask, total - int(mask.sum()), keys, soft)


METHODS = {
    False: CannistraciHebb(SparsePlan(DENSITY), SCHEDULE),
    True: SoftCannistraciHebb(SparsePlan(DENSITY), SCHEDULE, "ch2_l3n", 1.0, 3.0),
}


@pytest.mark.parametrize("soft", [False, True])
def test_a_hundred_updates_are_the_published_ones(soft):
    run, generator, changed = start(METHODS[soft]), torch.Generator().manual_seed(0), []
    uniform(generator)  # those of the first edges

    def update(step):
        gradients(run.model, step)
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)

    def after(step, weights, grads, masks):
        new = [mask.copy() for mask in masks]
        if step % EVERY == 0 and step < END:
            event(weights, new, step, generator, soft)
            changed.append(any((a != b).any() for a, b in zip(masks, new, strict=True)))
        return new

    masks = follow(run.model, update, after, STEPS, LR)
    assert sum(changed) >= 7
    live = run.method_state.edges.live
    assert all(np.array_equal(a.numpy(), b) for a, b in zip(live, masks, strict=True))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("density", [0.1, 0.3, 0.8])
def test_the_number_of_links_of_a_layer_never_changes(soft, density):
    schedule = DropSchedule(0.5, every=2, stop=1.0)
    plan = SparsePlan(density)
    method = with_defaults(
        SoftCannistraciHebb if soft else CannistraciHebb, plan=plan, schedule=schedule
    )
    run = loops.train(loops.run_of(SGD(), method), 48)
    ledger = run.method_state.edges.ledger
    assert len(ledger) == 24 and {event.live for event in ledger} == {ledger[0].live}
    assert sum(ledger[0].live) == round(density * loops.PRUNABLE)
    assert all(event.dropped == event.grown for event in ledger)


def test_the_exponent_rises_until_events_end():
    rule = METHODS[True].rewiring
    assert rule.exponent(0, STEPS) == 1.0
    assert rule.exponent(51, STEPS) == pytest.approx(1 + 2 * 0.625)
