"""SNFS beside the algorithm of its paper and public code, written out from them."""

import math

import loops
import numpy as np
import pytest
import torch
from torch import nn

from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.snfs import SparseMomentum
from espalier.optimizers.sgd import SGD
from espalier.sparse.allocation import fill_equally

MOMENTUM = 0.9


def network():
    """Two layers that ERK fills at 0.75, with 32 and 60 weights, and one of 67 of 120."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(16, 2), nn.Tanh(), nn.Linear(2, 30), nn.Tanh(), nn.Linear(30, 4)
    )


def run_of():
    plan = SparsePlan(0.75, allocation="erk")
    method = SparseMomentum(plan, DropSchedule(0.5, every=4, stop=1.0), MOMENTUM)
    return loops.run_of(SGD(), method, model=network())


def arrays(tensors):
    return [tensor.detach().double().numpy().copy() for tensor in tensors]


def regrowth_of_each(share, removed, room):
    """How much grows in each layer: the public code's loop without its roundings.

    What does not fit into layers is spread over all of them, again and again.
    """
    grow, extra = [s * sum(removed) for s in share], 0.0
    for _ in range(1000):
        tried = [g + extra for g in grow]
        grow = [min(g, r) for g, r in zip(tried, room, strict=True)]
        extra = sum(t - g for t, g in zip(tried, grow, strict=True)) / len(grow)
    return grow


def published(weights, masks, momenta, rate):
    """One event: the masks after pruning, and the real number that grows in each layer."""
    mean = [np.abs(m[mask]).mean() for m, mask in zip(momenta, masks, strict=True)]
    share = [x / sum(mean) for x in mean]
    pruned, removed = [], []
    for w, mask, part in zip(weights, masks, share, strict=True):
        sparsity = 1 - mask.sum() / mask.size
        own = min(sparsity, rate) if sparsity < 0.2 and part > 1 / len(weights) else rate
        kept = mask.copy()
        rows = np.where(mask, np.abs(w), -1.0).reshape(len(w), -1)
        stays = np.zeros_like(rows, dtype=bool)
        stays[range(len(w)), rows.argmax(1)] = True  # differs: the largest of each unit
        free = np.where(mask & ~stays.reshape(mask.shape), np.abs(w), np.inf)
        number = min(math.ceil(round(own * mask.sum(), 6)), int(np.isfinite(free).sum()))
        kept.flat[np.argsort(free, axis=None)[:number]] = False
        pruned.append(kept)
        removed.append(number)
    room = [mask.size - mask.sum() + n for mask, n in zip(masks, removed, strict=True)]
    return pruned, regrowth_of_each(share, removed, room)


def test_every_event_is_the_published_one():
    run = run_of()
    seen = set()
    buffers = [torch.zeros_like(w, dtype=torch.float64) for w in run.method_state.edges.weights]
    for step in range(1, 41):
        loops.backward(run.model, run.step)
        for buffer, weight in zip(buffers, run.method_state.edges.weights, strict=True):
            buffer.mul_(MOMENTUM).add_(weight.grad)  # of torch's SGD, all of it
        run.method.after_backward(run)
        run.optimizer.step()
        run.step = step
        edges = run.method_state.edges
        weights, masks = arrays(edges.weights), [live.numpy().copy() for live in edges.live]
        rate = run.method.schedule.drop_fraction(step, run.total_steps)
        run.method.after_step(run)
        for average, buffer in zip(run.method_state.memory, buffers, strict=True):
            assert torch.allclose(average.double(), (1 - MOMENTUM) * buffer, atol=1e-6)
        if step % 4 == 0:
            momenta = arrays(run.method_state.memory)
            pruned, grow = published(weights, masks, momenta, rate)
            live = [mask.numpy() for mask in edges.live]
            check_event(pruned, grow, momenta, live)
            seen.add(edges.counts)
    assert len(seen) > 3 and (32, 60, 67) not in seen  # the full layers do not stay so


def check_event(pruned, grow, momenta, live):
    counts = [int(now.sum() - kept.sum()) for now, kept in zip(live, pruned, strict=True)]
    assert sum(counts) == round(sum(grow))
    for kept, momentum, now, count, real in zip(pruned, momenta, live, counts, grow, strict=True):
        assert abs(count - real) < 1
        expected = kept.copy()
        order = np.argsort(-np.where(kept, -1.0, np.abs(momentum)), axis=None, kind="stable")
        expected.flat[order[:count]] = True
        assert (expected == now).all()


@pytest.mark.parametrize(("size", "full"), [(1e-6, False), (10.0, True)])
def test_a_full_layer_gives_away_unless_its_momentum_is_large(size, full):
    run = run_of()
    for memory in run.method_state.memory:
        memory.fill_(1.0)
    run.method_state.memory[0].fill_(size)
    run.step = 4
    run.method.rewiring.rewire(run)
    assert (run.method_state.edges.counts[0] == 32) is full
    assert sum(run.method_state.edges.counts) == 159


@pytest.mark.parametrize(
    ("total", "parts", "room", "expected"),
    [
        (10, [0.5, 0.3, 0.2], [9, 9, 9], [5, 3, 2]),
        (10, [0.8, 0.1, 0.1], [4, 9, 9], [4, 3, 3]),  # 4 over, 2 for each of the others
        (10, [0.8, 0.1, 0.1], [4, 2, 9], [4, 2, 4]),  # 1 of these does not fit either
        (15, [0.8, 0.1, 0.1], [4, 2, 9], [4, 2, 9]),
        (3, [0.5, 0.5], [3, 3], [2, 1]),
        (0, [0.5, 0.5], [0, 3], [0, 0]),
    ],
)
def test_what_full_layers_cannot_take_the_others_get_in_equal_parts(total, parts, room, expected):
    assert fill_equally(total, parts, room) == expected
