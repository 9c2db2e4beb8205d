"""Every method of the library on two processes with data of their own; see `gloo_pair`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import apoptosis_cases
import own_loops
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

import espalier
from espalier.methods.apoptosis.branches.lifespan_schedule import LifespanOptions
from espalier.sparse import processes

EVENTS = 3


class Block(nn.Module):
    """A residual branch."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.ffn = nn.Sequential(nn.Linear(width, 12), nn.GELU(), nn.Linear(12, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.ffn(x)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), Block(), Block(), nn.Linear(8, 3))


class Replica:
    """A model, its optimizer, and data of this process alone."""

    def __init__(self, rank: int, parallel: bool = True) -> None:
        self.model = network()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-2)
        self.parallel = parallel
        self.forward: nn.Module
        self.wrap()
        self.data = torch.Generator().manual_seed(100 + rank)
        self.loss = torch.zeros(())

    def wrap(self) -> None:
        """Wrap anew: data parallelism knows nothing of parameters that have changed their sizes."""
        self.forward = self.model
        if self.parallel:
            self.forward = DistributedDataParallel(self.model)

    def update(self) -> None:
        x = torch.randn(16, 6, generator=self.data)
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.forward(x), (x[:, 0] > 0).long())
        loss.backward()
        if not self.parallel:
            processes.average([p.grad for p in self.model.parameters() if p.grad is not None])
        self.optimizer.step()
        self.loss = loss.detach()

    def tensors(self) -> dict[str, Tensor]:
        state = self.optimizer.state
        names = {name: p for name, p in self.model.named_parameters()}
        moments = {
            f"{key} of {name}": x
            for name, p in names.items()
            for key, x in state[p].items()
            if isinstance(x, Tensor)
        }
        return {**names, **moments}


def apoptosis(kind: type, rank: int, parallel: bool = True) -> int:
    """Let neurons die and be born; return the number of events."""
    replica = Replica(rank, parallel)
    options = apoptosis_cases.quick(kind, rate=0.3, interval=4, duration=2)
    if kind is espalier.GrowthOnlyManager:
        options |= {"max_capacity": 3.0}
    manager = kind(replica.forward, optimizer=replica.optimizer, **options)
    for _ in range(4 * (EVENTS + 1)):
        replica.update()
        events = len(manager.apoptosis_events)
        manager.step()
        if kind is espalier.GrowthOnlyManager and len(manager.apoptosis_events) > events:
            replica.wrap()
    processes.check_equal(replica.tensors())
    return len({event.step for event in manager.apoptosis_events})


def branches(rank: int) -> int:
    replica = Replica(rank)
    lifespan = LifespanOptions(
        max_lifespan=4,
        maturation=0,
        interval=2,
        threshold=0.3,
        birth_share=0.5,
        death_share=0.5,
        rebirth="copy",
        mutation_strength=0.1,
    )
    probe = torch.randn(8, 6, generator=replica.data)
    manager = espalier.LayerApoptosisManager(
        replica.forward, lifespan=lifespan, probe=probe, optimizer=replica.optimizer
    )
    for _ in range(16):
        replica.update()
        manager.step()
    processes.check_equal(replica.tensors())
    return len(manager.apoptosis_events)


def masked(name: str, rank: int) -> int:
    """Prune or rewire in a loop of one's own; return how often the masks were others."""
    replica = Replica(rank)
    method = getattr(espalier, name)(replica.model, replica.optimizer, **own_loops.ARGUMENTS[name])
    changes, before = 0, torch.zeros(0)
    for _ in range(14):
        replica.update()
        method.step()
        now = torch.cat([keep.flatten() for keep in method.masks.keep] or [before])
        changes += not torch.equal(now, before)
        before = now.clone()
    processes.check_equal({**replica.tensors(), "masks": before})
    return changes + (name == "StaticSparse") * EVENTS


def pruned_by_its_optimizer(rank: int) -> int:
    replica = Replica(rank)
    replica.optimizer = espalier.AdamWPrune(replica.model, **own_loops.PRUNED)
    seen = set()
    for _ in range(14):
        replica.update()
        seen.add(replica.optimizer.sparsity)
    processes.check_equal(replica.tensors())
    return len(seen) - 1


def cases() -> dict[str, Callable[[int], int]]:
    every: dict[str, Callable[[int], int]] = {
        kind.__name__: partial(apoptosis, kind) for kind in apoptosis_cases.strategies()
    }
    every["averaged by hand"] = partial(
        apoptosis, espalier.FunctionalPreservationApoptosis, parallel=False
    )
    every["LayerApoptosisManager"] = branches
    every |= {name: partial(masked, name) for name in own_loops.ARGUMENTS}
    every["AdamWPrune"] = pruned_by_its_optimizer
    return every


def run_every_case(rank: int) -> dict[str, Any]:
    """Return the number of events of each case, or what went wrong."""
    answers: dict[str, Any] = {}
    for name, case in cases().items():
        try:
            answers[name] = case(rank)
        except (RuntimeError, ValueError) as error:
            answers[name] = f"{type(error).__name__}: {error}"
        dist.barrier()
    return answers
