"""The steps of a pack as CUDA graphs: recorded once, then started by one call each.

A small network on a GPU waits for the host, which starts kernel after kernel. A graph starts all of
them. Forward and backward are one graph for each size of batch, the stacked update is another;
methods act between them, and the host sends what changes (rates) before. All tensors that a graph
reads or writes stay where they are: `Pack` writes gradients in place, `Stack` its state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.core.errors import UserError
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.stacked import Stack
from espalier.train.packs.pack import Pack

WARM = 2
"""Steps with a size of batch before its graph is recorded: libraries get their memory in them."""

Work: TypeAlias = Callable[[], Tensor | None]
Record: TypeAlias = Callable[[Work], tuple[Tensor | None, Callable[[], object]]]
"""Records work without doing it; returns the tensor that it returns, and what does it anew."""


@kconfig_dataclass
class GraphPlan:
    """Whether packs' steps are recorded; None stands for no."""

    enabled: bool | None = symbol("CUDA_GRAPHS")

    def choose(self, device: torch.device) -> bool:
        """Return whether trials on `device` are. Raises UserError on a CPU."""
        if self.enabled and device.type != "cuda":
            raise UserError(
                "CONFIG_CUDA_GRAPHS=y: this trial trains on the CPU, which has none; "
                "set CONFIG_CUDA_GRAPHS=n"
            )
        return bool(self.enabled)


def record_on_gpu(work: Work) -> tuple[Tensor | None, Callable[[], object]]:
    """Record what `work` starts on the current device."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = work()
    return out, graph.replay


class BatchGraph(NamedTuple):
    """The forward and backward pass of batches of one size."""

    x: Tensor  # where a batch must be
    y: Tensor
    losses: Tensor  # (K,)
    replay: Callable[[], object]


class StepGraphs:
    """A pack whose steps are recorded; a `Program` of the loop."""

    def __init__(self, pack: Pack, record: Record = record_on_gpu) -> None:
        self._pack, self._record = pack, record
        self._seen: dict[torch.Size, int] = {}  # steps with each size of batch
        self._batches: dict[torch.Size, BatchGraph] = {}
        self._updates: dict[Stack, Callable[[], object]] = {}
        self.check, self.store_generators = pack.check, pack.store_generators

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return losses (K,) of a batch x (K*b, ...), y (K*b,); see `Pack.backward`."""
        self._seen[x.shape] = self._seen.get(x.shape, 0) + 1
        if self._seen[x.shape] <= WARM:
            return self._pack.backward(x, y)
        if x.shape not in self._batches:
            self._batches[x.shape] = self._record_batch(x.clone(), y.clone())
        graph = self._batches[x.shape]
        graph.x.copy_(x)
        graph.y.copy_(y)
        graph.replay()
        return graph.losses.clone()

    def _record_batch(self, x: Tensor, y: Tensor) -> BatchGraph:
        losses, replay = self._record(lambda: self._pack.backward(x, y))
        assert losses is not None
        return BatchGraph(x, y, losses, replay)

    def update(self) -> None:
        """Step every optimizer; those that cannot be stacked one by one, as without graphs."""
        stack = self._pack.stack
        if stack is None or not self._batches:  # nothing is recorded yet
            self._pack.update()
            return
        stack.prepare()
        if stack not in self._updates:
            _, self._updates[stack] = self._record(torch.no_grad()(stack.update))
        self._updates[stack]()
