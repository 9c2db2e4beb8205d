"""Networks of masked blocks in float64 with what trains them, and random operations on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.layers.masked_blocks import Blocks, chain
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.reversible_operations import ReversibleChange
from espalier.methods.growth.timing.growth_credits import Ledger
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.lean import LeanAdam, LeanSGD

SIZES = (9, 7, 6, 5, 4)
BUILDS = {
    "adamw": lambda groups: LeanAdam(groups, 0.01, decoupled_weight_decay=True),
    "amsgrad": lambda groups: LeanAdam(groups, 0.01, amsgrad=True),
    "sgd": lambda groups: LeanSGD(groups, 0.01, momentum=0.9),
}


def editor(
    seed: int = 0, optimizer: str = "adamw", density: float = 0.4, reach: int = 2, steps: int = 5
) -> NetworkEditor:
    """A network after `steps` updates."""
    torch.manual_seed(seed)
    net = Blocks(SIZES, chain(len(SIZES), reach)).double()
    net.draw(density)
    built = BUILDS[optimizer](decay_groups(net.parameters(), 0.1))
    made = NetworkEditor(net, torch.Generator().manual_seed(seed), built)
    return train(made, steps)


def batch(step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(32, SIZES[0], generator=generator, dtype=torch.float64)
    return x, torch.randint(SIZES[-1], (32,), generator=generator)


def train(made: NetworkEditor, steps: int) -> NetworkEditor:
    for _ in range(steps):
        x, y = batch(made.step)
        made.optimizer.zero_grad()
        F.cross_entropy(made.net(x), y).backward()
        made.optimizer.step()
        made.after_step()
    return made


@torch.no_grad()
def logits(net: Blocks) -> Tensor:
    return net(batch(-1)[0])


def missing(net: Blocks, pair: tuple[int, int], count: int) -> tuple[Tensor, Tensor]:
    """The first `count` edges that a block lacks; of one that is not there, the first."""
    if pair not in net.pairs:
        mask = torch.zeros(net.sizes[pair[1]], net.sizes[pair[0]], dtype=torch.bool)
    else:
        mask = net.block(*pair).mask
    rows, columns = (~mask).nonzero(as_tuple=True)
    return rows[:count], columns[:count]


def kill(net: Blocks, node: int, unit: int) -> None:
    """Let a unit never fire."""
    with torch.no_grad():
        net.block(node - 1, node).bias[unit] = -1e3


def drawn(made: NetworkEditor, dice: torch.Generator) -> Callable[[], ReversibleChange]:
    """An operation that leaves the logits as they are, drawn with its arguments."""

    def roll(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=dice))

    def some(node: int, count: int) -> Tensor:
        return torch.randperm(made.net.sizes[node], generator=dice)[:count]

    net, last, kind = made.net, made.net.last, roll(0, 6)
    if kind == 0:
        j = roll(1, last + 1)
        pair = (roll(0, j), j)
        return partial(operations.add_edges, made, pair, missing(net, pair, roll(1, 4)))
    if kind in (1, 2):
        i = roll(0, last - 1)
        j = roll(i + 2, last + 1)
        patch = operations.Patch((i, j), some(i, 3), some(j, 2), hidden=2 * (kind - 1))
        return partial(operations.add_patch, made, patch)
    if kind == 3:
        return partial(operations.insert_layer, made, roll(1, last))
    node = roll(1, last - 1)
    if kind == 4:
        return partial(operations.clone, made, (node, some(node, 2)))
    dead = [roll(0, net.sizes[n]) for n in range(node + 1, last)][: roll(1, 4)]
    for n, unit in enumerate(dead, node + 1):
        kill(net, n, unit)
    return partial(operations.highway, made, (node, roll(0, net.sizes[node])), dead)


def total(ledger: Ledger, kind: str) -> float:
    """Return the sum of all entries of a kind; payments as a number above 0."""
    return abs(math.fsum(entry.amount for entry in ledger.entries if entry.kind == kind))
