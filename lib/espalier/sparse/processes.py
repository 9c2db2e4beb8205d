"""Decisions that several processes take as one, under `torch.distributed`.

Replicas that train on data of their own stay equal only if whatever is decided from these data is
decided once. Values are averaged or gathered before a decision, or those of the group's first
process count. Every process of the group must make the same calls in the same order.

Where no process group is initialised, or it has one process, nothing is done and nothing costs.
Whether there is one is checked at each call, so a group may be initialised at any time before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

Group: TypeAlias = "dist.ProcessGroup | None"
"""A process group; None is the default group of all processes."""
CHUNK = 2**22  # bytes that are summed at a time
PRIME = 65521
COMPILED = "_orig_mod"
"""What `torch.compile` calls the module that it wraps; to import its class would take seconds."""


def size(group: Group = None) -> int:
    """Return the number of processes; 1 without a process group, and outside of `group`."""
    if not (dist.is_available() and dist.is_initialized()):
        return 1
    return max(1, dist.get_world_size(group))


def is_distributed(group: Group = None) -> bool:
    """Return whether there are other processes to agree with."""
    return size(group) > 1


def wrapped(model: nn.Module) -> nn.Module:
    """Return the user's own module within wrappers: of data parallelism, and of torch.compile."""
    inner: Any = model
    while COMPILED in inner._modules or isinstance(inner, DistributedDataParallel | DataParallel):
        inner = inner._modules.get(COMPILED) or inner.module
    assert isinstance(inner, nn.Module)
    return inner


@torch.no_grad()
def average(tensors: Sequence[Tensor], group: Group = None) -> None:
    """Replace floating-point tensors, in place, by their means over the processes.

    Sums are taken in float32 at least. All processes get the same bits.
    """
    count = size(group)
    if count == 1 or not tensors:
        return
    wide = torch.float64 if any(x.dtype == torch.float64 for x in tensors) else torch.float32
    where = _device(group, tensors[0])
    flat = torch.cat([x.detach().reshape(-1).to(where, wide) for x in tensors])
    dist.all_reduce(flat, group=group)
    _broadcast(flat, group)  # a reduction may round differently in different processes
    parts = torch.split(flat.div_(count), [x.numel() for x in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


@torch.no_grad()
def broadcast(tensors: Sequence[Tensor], group: Group = None) -> None:
    """Replace tensors, in place, by those of the first process, bit for bit.

    Shapes and number formats must be the same in all processes.
    """
    if not is_distributed(group) or not tensors:
        return
    where = _device(group, tensors[0])
    flat = torch.cat([_bytes(x).to(where) for x in tensors])
    _broadcast(flat, group)
    parts = torch.split(flat, [x.numel() * x.element_size() for x in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.clone().view(tensor.dtype).view(tensor.shape))


def broadcast_generator(generator: torch.Generator, group: Group = None) -> None:
    """Set a generator to the state of the first process's."""
    if is_distributed(group):
        state = generator.get_state()
        broadcast([state], group)
        generator.set_state(state)


def first(value: Any, group: Group = None) -> Any:
    """Return the value, of plain data or tensors of any shape, that the first process gave."""
    if not is_distributed(group):
        return value
    box = [value]
    dist.broadcast_object_list(box, _source(group), group=group)
    return box[0]


def gather(value: Any, group: Group = None) -> list[Any]:
    """Return the plain data of all processes, in the order of their ranks."""
    if not is_distributed(group):
        return [value]
    values: list[Any] = [None] * size(group)
    dist.all_gather_object(values, value, group=group)
    return values


def all_true(flag: bool, group: Group = None) -> bool:
    """Return whether a flag is true in every process."""
    return all(gather(flag, group))


@torch.no_grad()
def concatenate(tensor: Tensor, group: Group = None) -> Tensor:
    """Return the samples (n, ...) of all processes, in the order of their ranks.

    `tensor` must have one shape and number format in all of them.
    """
    count = size(group)
    if count == 1:
        return tensor
    own = tensor.to(_device(group, tensor)).contiguous()
    parts = [torch.empty_like(own) for _ in range(count)]
    dist.all_gather(parts, own, group=group)
    return torch.cat(parts).to(tensor.device)


def check_equal(tensors: Mapping[str, Tensor], group: Group = None) -> None:
    """Raise RuntimeError, with names, where tensors differ between processes by a single bit.

    Sums over the bits are compared, which nearly never miss a difference.
    """
    if not is_distributed(group):
        return
    sums = [(tuple(x.shape), _checksum(x)) for x in tensors.values()]
    columns = zip(tensors, zip(*gather(sums, group), strict=True), strict=True)
    if apart := [name for name, column in columns if len(set(column)) > 1]:
        others = f" and {len(apart) - 3} more" if len(apart) > 3 else ""
        names = ", ".join(apart[:3]) + others
        raise RuntimeError(
            f"{names}: not the same in {size(group)} processes: take one seed, average gradients "
            "before each update, wrap the model in DistributedDataParallel anew after it has "
            "grown, or give `process_group`, a group of those that train one model"
        )


def _checksum(tensor: Tensor) -> int:
    """Return a sum of all bits that depends on their places."""
    total = 0
    for number, part in enumerate(torch.split(_bytes(tensor), CHUNK)):
        places = torch.arange(1, len(part) + 1, device=part.device) % PRIME
        total += (number + 1) * int((part.long() * places).sum())
    return total


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def _source(group: Group) -> int:
    """Return the rank, among all processes, of the group's first."""
    return 0 if group is None else dist.get_global_rank(group, 0)


def _broadcast(flat: Tensor, group: Group) -> None:
    dist.broadcast(flat, _source(group), group=group)


def _device(group: Group, tensor: Tensor) -> torch.device:
    """Return where the group's backend can take tensors: NCCL on the GPU, Gloo on the CPU."""
    backend = str(dist.get_backend(group))
    if backend == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu") if backend == "gloo" else tensor.device
