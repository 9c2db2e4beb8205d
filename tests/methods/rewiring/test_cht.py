"""CHT and CHTs beside their rules, written out link by link, over 100 updates."""

import math

import loops
import numpy as np
import pytest
import torch
from plain_layers import SHAPES, gradients, matrices, network

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


def event(weights, masks, step, generator, soft):
    rate = SHARE / 2 * (1 + math.cos(math.pi * step / END))
    totals = [int(mask.sum()) for mask in masks]
    draws = uniform(generator) if soft else [None] * len(masks)
    exponent = 1 + 2 * step / END
    for w, mask, total, keys in zip(weights, masks, totals, draws, strict=True):
        places = [tuple(at) for at in np.argwhere(mask)]
        if soft:  # who waits longest in a race at rates |w|^T
            rank = {at: math.log(-math.log(keys[at])) - exponent * math.log(max(abs(w[at]), 1e-12))
                    for at in places}  # fmt: skip
            order = sorted(places, key=lambda at: -rank[at])
        else:
            order = sorted(places, key=lambda at: np.float32(abs(w[at])))
        for at in order[: int(total * rate)]:
            mask[at] = False
    chain_removal(masks)
    for mask, total, keys in zip(masks, totals, uniform(generator), strict=True):
        rule, count = Rule(mask, "ch2_l3n" if soft else "paths"), total - int(mask.sum())
        scores = {tuple(at): round(rule.score(*at), 9) for at in np.argwhere(~mask)}
        if not soft:
            order = sorted(scores, key=lambda at: (-scores[at], keys[at]))
        else:
            if sum(score > 0 for score in scores.values()) < count:
                scores = {at: score + 1e-5 for at, score in scores.items()}
            waits = {at: -math.log(keys[at]) / s for at, s in scores.items() if s > 0}
            order = sorted(waits, key=lambda at: waits[at])
        for at in order[:count]:
            mask[at] = True


METHODS = {
    False: CannistraciHebb(SparsePlan(DENSITY), SCHEDULE),
    True: SoftCannistraciHebb(SparsePlan(DENSITY), SCHEDULE, "ch2_l3n", 1.0, 3.0),
}


@pytest.mark.parametrize("soft", [False, True])
def test_a_hundred_updates_are_the_published_ones(soft):
    run, other = start(METHODS[soft]), network()
    generator = torch.Generator().manual_seed(0)
    uniform(generator)  # those of the first edges
    masks, changed = [(w != 0).numpy() for w in matrices(run.model)], 0
    for step in range(1, STEPS + 1):
        gradients(run.model, step)
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
        with torch.no_grad():
            for w, mask in zip(matrices(other), masks, strict=True):
                w *= torch.from_numpy(mask)
        gradients(other, step)
        with torch.no_grad():
            for w, mask in zip(matrices(other), masks, strict=True):
                w.grad *= torch.from_numpy(mask)
            for parameter in other.parameters():
                parameter -= LR * parameter.grad
            weights = [w.detach().numpy() for w in matrices(other)]
            if step % EVERY == 0 and step < END:
                old = [mask.copy() for mask in masks]
                event(weights, masks, step, generator, soft)
                changed += any((a != b).any() for a, b in zip(old, masks, strict=True))
            for w, mask in zip(weights, masks, strict=True):
                w *= mask
        for mine, theirs in zip(run.model.parameters(), other.parameters(), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-6)
    assert changed >= 7
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
