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

    def __init__(self, rank: int, parallel: bool = True, lengths: bool = False) -> None:
        self.model = network()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-2)
        # no rank has as many samples as the other, or sequences as long
        self.shape = (8, 4 + rank, 6) if lengths else (16 - 3 * rank, 6)
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

    def draw(self) -> tuple[Tensor, Tensor]:
        x = torch.randn(self.shape, generator=self.data)
        return x, (x[..., 0] > 0).long()

    def update(self) -> None:
        x, y = self.draw()
        self.optimizer.zero_grad()
        logits, labels = self.forward(x).flatten(0, -2), y.flatten()
        loss = nn.functional.cross_entropy(logits, labels)
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


def apoptosis(kind: type, rank: int, parallel: bool = True, lengths: bool = False) -> int:
    """Let neurons die and be born; return the number of events.

    Without data parallelism, generators differ at first, as they may in a group that is joined
    after the manager is made.
    """
    replica = Replica(rank, parallel, lengths)
    options = apoptosis_cases.quick(kind, rate=0.3, interval=4, duration=2)
    if kind is espalier.GrowthOnlyManager:
        options |= {"max_capacity": 3.0}
    if not parallel:
        options |= {"generator": torch.Generator().manual_seed(rank)}
    manager = kind(replica.forward, optimizer=replica.optimizer, **options)
    for _ in range(4 * (EVENTS + 1)):
        replica.update()
        events = len(manager.apoptosis_events)
        manager.step()
        if kind is espalier.GrowthOnlyManager and len(manager.apoptosis_events) > events:
            replica.wrap()
    processes.check_equal(replica.tensors())
    manager.assert_consistent()
    return len({event.step for event in manager.apoptosis_events})


def as_one_process(rank: int) -> int:
    """Neurons die and are born as in one process that has the samples of both."""
    groups = [dist.new_group([each]) for each in range(2)]  # every process makes every group
    data = torch.Generator().manual_seed(7)
    options = apoptosis_cases.quick(kind := espalier.HybridGrowthAndDeath, rate=0.3, interval=4)
    options |= {"fitness_metric": "taylor"}
    models = [network().double() for _ in range(2)]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
    shared = kind(models[0], optimizer=optimizers[0], **options)
    alone = kind(models[1], optimizer=optimizers[1], **options, process_group=groups[rank])
    for _ in range(4 * EVENTS):
        x = torch.randn(32, 6, generator=data, dtype=torch.float64)
        for model, optimizer, part in zip(models, optimizers, (x[rank::2], x), strict=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(part), (part[:, 0] > 0).long()).backward()
        processes.average([p.grad for p in models[0].parameters() if p.grad is not None])
        for optimizer, manager in zip(optimizers, (shared, alone), strict=True):
            optimizer.step()
            manager.step()
    for mine, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-9)
    assert shared.apoptosis_events == alone.apoptosis_events
    return len(shared.apoptosis_events)


def refused(rank: int) -> int:
    """What one process cannot do, all say; and so they do of replicas that are apart."""
    replica = Replica(rank, parallel=False)
    kind = espalier.ContinuousTurnoverApoptosis
    manager = kind(replica.model, apoptosis_interval=2, optimizer=replica.optimizer)
    replica.update()
    manager.step()
    if rank == 0:  # the other has no pass
        replica.model(torch.randn(2, 6)).sum().backward()
    try:
        manager.step()
    except ValueError as error:
        assert str(error).startswith("process 1: 1.ffn.0: "), error
    else:
        raise RuntimeError("no process has noticed")
    with torch.no_grad():
        replica.model[1].ffn[0].bias.add_(rank)
    try:
        processes.check_equal(dict(replica.model.named_parameters()))
    except RuntimeError as error:
        assert str(error).startswith("1.ffn.0.bias: not the same in 2 processes"), error
        return EVENTS
    raise RuntimeError("no process has noticed")


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
    arguments = own_loops.ARGUMENTS[name]
    if "batches" in arguments:
        arguments = {**own_loops.MEASURED, "batches": [replica.draw()]}
    method = getattr(espalier, name)(replica.model, replica.optimizer, **arguments)
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
    fades = espalier.GradualFadeApoptosis
    every["sequences of different lengths"] = partial(apoptosis, fades, lengths=True)
    every["as one process"] = as_one_process
    every["refused"] = refused
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
