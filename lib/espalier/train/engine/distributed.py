"""One run on several devices: each process has the whole network and a share of every batch.

Every process builds the same run from the same seeds and draws the same batches; it computes the
losses of its own share, and gradients are summed over all before they are used. So methods see what
they see in a run alone, decide the same everywhere, and need not know that there are others. Batch
normalisation takes the statistics of all shares (`espalier.train.norms`). That the processes still
hold the same bits is checked each epoch, and before the network's changed parameters are used.

Differs: earlier code trained through the module inside DistributedDataParallel, so that gradients
were never summed, and drew masks and data in each process by itself.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from importlib import import_module
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE
from espalier.core.trial import Task
from espalier.train.engine import seeds
from espalier.train.engine.single_program import SingleProgram
from espalier.train.engine.trainer import Recipe, Trainer
from espalier.train.norms.norm_calls import batch_norms, why_not_whole
from espalier.train.norms.norm_in_parts import NormsInParts
from espalier.train.norms.shared_norm import SharedNorm, sum_processes

PATIENCE = timedelta(minutes=5)
"""How far one process may be behind another; more, and it is given up."""
Placement = tuple[nn.Parameter, torch.Size, Any]
"""A parameter, its shape, and where autograd gathers its gradient."""


class RanksDivergedError(RuntimeError):
    """The processes of a trial do not hold the same network any more."""


@contextmanager
def process_group(task: Task, recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Connect the processes of the task while this lasts, if it has several.

    All are on one machine. After an error they are left as they are: closing the connections would
    make others fail as well, and the first to report would not be the one that knows why.
    """
    if recipe.devices == 1:
        yield
        return
    if sys.platform == "linux":  # connections stay on this machine
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    import_module("torch._dynamo.utils")  # takes seconds; else it is in the first epoch's time
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{task.rendezvous}",
        rank=task.rank,
        world_size=recipe.devices,
        timeout=PATIENCE,
    )
    yield
    dist.destroy_process_group()


def is_joined() -> bool:
    """Return whether this process trains together with others now."""
    return dist.is_initialized()


def check_shareable(model: nn.Module, recipe: Recipe, task: Task) -> None:
    """Raise CannotTrain unless shares of a batch train `model` as the whole batch does.

    Raises UserError if this process was not started together with others.
    """
    symbol = f"CONFIG_DEVICES_PER_TRIAL={recipe.devices}"
    if recipe.devices == 1:
        return
    if not task.rendezvous:
        raise UserError(f"{symbol}: needs worker processes, which `{MAKE} sweep-run` starts")
    if why := why_not_whole(model, recipe.compile):
        raise CannotTrain("batch_norm", f"{symbol}: {why}")
    if recipe.batch_size < recipe.devices:
        raise CannotTrain(
            "batch_size",
            f"{symbol}: CONFIG_BATCH_SIZE={recipe.batch_size} must be at least as large",
        )


class Distributed(SingleProgram):
    """Forward, backward and update of one run that others share; see `process_group`."""

    def __init__(self, trainer: Trainer) -> None:
        """Raises RanksDivergedError unless all processes begin with the same network."""
        super().__init__(trainer)
        self._rank, self._ranks = dist.get_rank(), dist.get_world_size()
        self._noise = self._noise_of(self._run.epoch)
        self._counts = True
        check_agreement(self._run)
        self._replica = _replica(trainer.forward)
        self._placements = _placements(self._run.model)

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return losses (1,) of a batch x (b, ...), y (b,); gradients are in place, unscaled."""
        self._run.optimizer.zero_grad(set_to_none=True)
        own, weight = split_batch(len(y), self._rank, self._ranks)
        self._counts = weight > 0
        self._renew()
        with self._own_noise():
            total = self._in_parts(x[own], y[own], weight)
        self._scaler.unscale_(self._run.optimizer)
        dist.all_reduce(total)
        return total

    @override
    def _norms(self, counts: bool) -> NormsInParts:
        norms = batch_norms(self._run.model) if self._trainer.micro_batch else []
        return NormsInParts(norms, self._logits, sum_processes, counts)

    @override
    def _goal(self, losses: Tensor) -> Tensor:
        # times their number, as the replica takes the mean over processes
        return super()._goal(losses) * self._ranks

    @override
    def _adding(self, is_last: bool) -> AbstractContextManager[None]:
        return nullcontext() if is_last else self._replica.no_sync()

    @override
    def _trained_logits(self, x: Tensor) -> Tensor:
        with self._trainer.autocast(), self._shared_norm():
            logits: Tensor = self._replica(x)
        return logits

    def _shared_norm(self) -> AbstractContextManager[Any]:
        """Return a context in which a share is normalised as part of the whole batch.

        Parts of a share have their own statistics; compiled code has no batch normalisation: see
        `check_shareable`.
        """
        if self._trainer.micro_batch or self._trainer.recipe.compile:
            return nullcontext()
        return SharedNorm(self._counts)

    def check(self) -> None:
        """Raise RanksDivergedError if the processes do not hold the same bits any more."""
        check_agreement(self._run)

    def store_generators(self) -> None:
        """Begin each epoch's dropout anew, so that a run can resume from there."""
        super().store_generators()
        self._noise = self._noise_of(self._run.epoch + 1)

    def _renew(self) -> None:
        """Let the module be one that sums the gradients of the parameters that there are now."""
        placements = _placements(self._run.model)
        if not _same(placements, self._placements):
            check_agreement(self._run)
            del self._replica  # its hooks go before there are others
            self._replica = _replica(self._trainer.forward)
            self._placements = placements

    def _noise_of(self, epoch: int) -> list[Tensor]:
        """Return the states of the streams that this process draws dropout from in an epoch."""
        seed = self._run.generators["dropout"].initial_seed()
        own = seeds.derive_seed(seed, f"rank {self._rank}, epoch {epoch}")
        devices = {torch.device("cpu"), self._trainer.device}
        return [torch.Generator(d).manual_seed(own).get_state() for d in sorted(devices, key=str)]

    @contextmanager
    def _own_noise(self) -> Iterator[None]:
        """Draw dropout from this process's streams, and leave the common ones as they were."""
        common = seeds.global_states(self._trainer.device)
        self._set(self._noise)
        yield
        self._noise = seeds.global_states(self._trainer.device)
        self._set(common)

    def _set(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        if len(states) > 1:
            torch.cuda.set_rng_state(states[1])


def _replica(module: nn.Module) -> DistributedDataParallel:
    with warnings.catch_warnings():  # the new name of a parameter, which older versions do not know
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        return DistributedDataParallel(
            module,
            broadcast_buffers=False,
            find_unused_parameters=True,  # a method may leave parts of the network out
            init_sync=False,
        )


def split_batch(samples: int, rank: int, ranks: int) -> tuple[slice, float]:
    """Return which samples of a batch are those of `rank`, and the weight of its mean loss.

    Shares differ by one sample at most; the weights of all ranks sum to 1. A rank that is left
    without a sample computes one that counts for nothing.
    """
    begin, end = samples * rank // ranks, samples * (rank + 1) // ranks
    if begin == end:
        return slice(0, 1), 0.0
    return slice(begin, end), (end - begin) / samples


def check_agreement(run: Run) -> None:
    """Raise RanksDivergedError unless every process holds the same run, bit for bit.

    All have to call this. A process by itself agrees.
    """
    if not is_joined():
        return
    state, ranks = _state(run), dist.get_world_size()
    here = torch.tensor([_digest(part) for part in state.values()], device=run.train.device)
    everywhere = [torch.empty_like(here) for _ in range(ranks)]
    dist.all_gather(everywhere, here)
    apart = (torch.stack(everywhere) != everywhere[0]).any(0).tolist()
    if names := [name for name, differs in zip(state, apart, strict=True) if differs]:
        raise RanksDivergedError(
            f"after step {run.step} the {ranks} processes of this trial differ in "
            f"{', '.join(names)}: something in it depends on more than the seed and the gradients"
        )


def _state(run: Run) -> dict[str, Any]:
    """Return what has to be the same in all processes."""
    return {
        "parameters": [(name, p) for name, p in run.model.named_parameters()],
        "buffers": [(name, b) for name, b in run.model.named_buffers()],
        "the optimizer": run.optimizer.state_dict()["state"],
        "the method": run.method.state_dict(run),
        "generators": [generator.get_state() for generator in run.generators.values()],
    }


def _digest(value: Any) -> int:
    """Hash `value` to a number of 56 bits; see `_bytes`."""
    digest = hashlib.blake2b(digest_size=7)
    for part in _bytes(value):
        digest.update(part)
    return int.from_bytes(digest.digest(), "little")


def _bytes(value: Any) -> Iterator[bytes | memoryview]:
    """Yield the tensors, whole numbers and texts in `value`; measured times do not matter."""
    if isinstance(value, Tensor):
        flat = value.detach().cpu().reshape(-1).contiguous()
        yield f"{tuple(value.shape)} {value.dtype};".encode()
        yield flat.view(torch.uint8).numpy().data
    elif isinstance(value, Mapping):
        yield from _bytes(list(value.items()))
    elif isinstance(value, int | str):
        yield f"{value};".encode()
    elif isinstance(value, Iterable):
        for item in value:
            yield from _bytes(item)


def _placements(model: nn.Module) -> list[Placement]:
    return [_placement(parameter) for parameter in model.parameters()]


def _placement(parameter: nn.Parameter) -> Placement:
    """Return the parameter, its shape, and where autograd gathers its gradient: torch hooks there.

    That node is another one after the parameter had another shape for a while; None if frozen.
    """
    made = parameter.view_as(parameter).grad_fn
    return parameter, parameter.shape, None if made is None else made.next_functions[0][0]


def _same(ours: Sequence[Placement], theirs: Sequence[Placement]) -> bool:
    """Return whether they are the same parameters, with the same shapes and gradient nodes."""
    if len(ours) != len(theirs):
        return False
    pairs = zip(ours, theirs, strict=True)
    return all(a[0] is b[0] and a[1] == b[1] and a[2] is b[2] for a, b in pairs)
