"""Criteria that are measured on the network itself when weights are to go.

What a measurement costs is counted: one of `criterion_updates` for each pass of a training batch
through the network, whether gradients follow or not.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import Run, StateDict
from espalier.core.samples import Samples, steps_in
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.sparse import processes
from espalier.sparse.mask import MaskSet
from espalier.sparse.pruner import Pruner
from espalier.sparse.schedule import exponential_sparsity
from espalier.sparse.scores import Scores
from espalier.train.engine.losses import mean_losses

LARGEST_SEED = 2**31


@kconfig_dataclass
class MeasuredCriterion(PruningMethod):
    """A change of the masks is made in so many `rounds`, each measured on what is left.

    A pruned weight stays pruned.
    """

    rounds: int = symbol("CRITERION_ROUNDS")

    @abstractmethod
    def saliencies(self, run: Run[Pruner]) -> list[Tensor]:
        """Return how much each weight matters, in its shape; of pruned ones anything."""

    @override
    @torch.no_grad()
    def prune(self, run: Run[Pruner], sparsity: float) -> None:
        """Prune to `sparsity` in rounds."""
        start = run.method_state.masks.sparsity
        for done in range(1, self.rounds + 1):
            super().prune(run, exponential_sparsity(start, sparsity, done, self.rounds))

    @override
    def scores(self, run: Run[Pruner]) -> Scores:
        with torch.enable_grad():
            values = [x.detach() for x in self.saliencies(run)]
        return rank_pruned_last(values, run.method_state.masks)

    @override
    def measures(self, run: Run[Pruner]) -> Measures:
        """Return `criterion_updates` too: passes of batches that found the scores."""
        return {
            **super().measures(run),
            "criterion_updates": run.method_state.criterion_updates,
        }

    @override
    def state_dict(self, run: Run[Pruner]) -> StateDict:
        updates = run.method_state.criterion_updates
        return {**super().state_dict(run), "criterion_updates": updates}

    @override
    def load_state_dict(self, run: Run[Pruner], state: StateDict) -> None:
        rest = {k: v for k, v in state.items() if k != "criterion_updates"}
        super().load_state_dict(run, rest)
        run.method_state.criterion_updates = state["criterion_updates"]


@kconfig_dataclass
class DataCriterion(MeasuredCriterion):
    """A criterion that looks at so many `batches` of training samples; never at others."""

    has_backward: ClassVar[bool] = True  # whether gradients follow the pass of a batch

    batches: int = symbol("CRITERION_BATCHES")

    def passes(self, run: Run[Pruner], each: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches, and count `each` passes of each of them."""
        for batch in samples_of(run).batches(self.batches):
            run.method_state.criterion_updates += each
            run.count_passes(each * len(batch[0]), each * len(batch[0]) * self.has_backward)
            yield batch


@dataclass(frozen=True)
class TrainingSamples:
    """Samples of a run's training data, drawn by the method's generator."""

    run: Run

    def batches(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `count` batches of different samples; all samples once if there are fewer."""
        run = self.run
        order = torch.randperm(len(run.train), generator=run.generators["method"])
        count = min(count, steps_in(len(order), run.batch_size))
        chosen = order[: count * run.batch_size]
        yield from run.train.batches(chosen[None], run.batch_size)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        return mean_losses(outputs, targets, 1)[0]


def samples_of(run: Run) -> Samples:
    """Return what criteria look at in a run."""
    return run.samples or TrainingSamples(run)


def rank_pruned_last(values: Sequence[Tensor], masks: MaskSet) -> Scores:
    """Return scores in the weights' shapes, by which what is pruned stays pruned."""
    if masks.mask is not None:
        parts = zip(values, masks.split(masks.mask), strict=True)
        values = [x.masked_fill(pruned, -torch.inf) for x, pruned in parts]
    return Scores(_copy, [(x,) for x in values])


def _copy(scores: Tensor, out: Tensor) -> Tensor:
    return out.copy_(scores)


@contextmanager
def measuring(run: Run, training: bool) -> Iterator[nn.Module]:
    """Yield the model in the mode of training or of evaluation, and leave no trace in it.

    Buffers, such as running statistics, and torch's global generators are as before when this
    ends. Random parts of the model draw from a stream that the method's generator seeds. Its
    operations are counted before, so that a watch put on within sees the samples alone.
    """
    run.count_passes(0, 0)
    model = processes.wrapped(run.model)
    modes = [(module, module.training) for module in model.modules()]
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    devices = {p.device.index for p in model.parameters() if p.device.type == "cuda"}
    seed = int(torch.randint(LARGEST_SEED, (), generator=run.generators["method"]))
    try:
        with torch.random.fork_rng(sorted(devices)):
            torch.manual_seed(seed)
            yield model.train(training)
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)


def gradients_of(
    value: Tensor, weights: Sequence[Tensor], keep: bool = False, graph: bool = False
) -> list[Tensor]:
    """Return the gradients of a scalar, 0 for weights that it does not depend on.

    With `keep` the value can be differentiated again, with `graph` the gradients too.
    """
    parts = torch.autograd.grad(
        value, list(weights), retain_graph=keep or graph, create_graph=graph, allow_unused=True
    )
    return [torch.zeros_like(w) if g is None else g for w, g in zip(weights, parts, strict=True)]
