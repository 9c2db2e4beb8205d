"""The state of a run as plain data: everything that it needs to continue exactly.

A state is captured at the end of an epoch, when no batch is under way. Functions of the step or the
epoch (the learning rate, the data of a shift) are no part of it, nor is what each update computes
anew (rates of single parts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core.contracts import Run
from espalier.train.engine.early_stopping import named_tensors
from espalier.train.engine.task_sequence import TaskSequence
from espalier.train.engine.trainer import Trainer

RunState = dict[str, Any]
"""Numbers, texts and tensors, in dicts, lists and tuples: nothing that runs when it is read."""


class RunStateMismatch(ValueError):
    """A state is not one of such a run; the text says where it differs."""


def capture(trainer: Trainer) -> RunState:
    """Return the state of a run after an epoch; it shares no memory with the run."""
    run = trainer.run
    state = {
        "step": run.step,
        "epoch": run.epoch,
        "method": run.method.state_dict(run),
        "mask_log": run.mask_listener.state_dict() if run.mask_listener else {},
        "explored": run.masks.explored_state() if run.masks else {},
        "costs": run.costs.state_dict() if run.costs else {},
        "tensors": dict(named_tensors(run.model)),
        "trained": {name: p.requires_grad for name, p in run.model.named_parameters()},
        "optimizer": run.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "stopping": trainer.stopping.state_dict() if trainer.stopping else {},
        "generators": {name: stream.get_state() for name, stream in run.generators.items()},
    }
    copied: RunState = _plain(state, "", {})
    return copied


def restore(trainer: Trainer, saved: RunState) -> None:
    """Bring a fresh `trainer` to the state of one with the same recipe. Consumes `saved`.

    Raises RunStateMismatch. Call it before a loop is made of the trainer.
    """
    run = trainer.run
    _set_epoch(run, trainer.tasks, saved["epoch"])
    run.step = saved["step"]
    run.method.load_state_dict(run, saved["method"])  # first: it may be what sizes depend on
    if run.mask_listener:
        run.mask_listener.load_state_dict(saved["mask_log"])
    if run.masks:
        run.masks.load_explored(saved["explored"])
    if run.costs:
        run.costs.load_state_dict(saved["costs"])
    _fill(run.model, saved)
    load_optimizer(run.optimizer, saved["optimizer"])
    trainer.scaler.load_state_dict(saved["scaler"])
    if trainer.stopping:
        trainer.stopping.load_state_dict(saved["stopping"])
    for name, state in saved["generators"].items():  # last: nothing may draw from them any more
        if name not in run.generators:
            run.generators[name] = torch.Generator(trainer.device)
        run.generators[name].set_state(state)


def _set_epoch(run: Run, tasks: TaskSequence, epoch: int) -> None:
    """Count `epoch` epochs as done; the samples are those of the last of them."""
    run.epoch = epoch - 1
    tasks.begin(run)
    run.epoch = epoch


@torch.no_grad()
def _fill(model: nn.Module, saved: RunState) -> None:
    """Write parameters and buffers back, in place. Raises RunStateMismatch."""
    here, there = dict(named_tensors(model)), saved["tensors"]
    if names := sorted(here.keys() ^ there.keys()):
        raise RunStateMismatch(f"{names[0]} is only in one of the networks")
    for name, tensor in here.items():
        if tensor.shape != there[name].shape or tensor.dtype != there[name].dtype:
            raise RunStateMismatch(f"{name} is {_kind(tensor)} here and {_kind(there[name])} there")
        tensor.copy_(there[name])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(saved["trained"][name])


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Load the state, then undo conversions by torch: state need not be float."""
    try:
        optimizer.load_state_dict(saved)
    except ValueError as error:
        raise RunStateMismatch(f"the optimizer: {error}") from error
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for place, state in saved["state"].items():
        for name, value in state.items():
            now = optimizer.state[parameters[place]][name]
            if isinstance(value, Tensor) and now.dtype != value.dtype:
                optimizer.state[parameters[place]][name] = value.to(now.device)


def _plain(value: Any, place: str, seen: dict[int, Tensor]) -> Any:
    """Copy `value`; tensors get memory of their own, repeated ones the same memory.

    Raises TypeError, naming the place, for anything that is not plain data.
    """
    if isinstance(value, Tensor):
        if id(value) not in seen:
            seen[id(value)] = value.detach().clone()
        return seen[id(value)]
    if isinstance(value, Mapping):
        return {key: _plain(item, f"{place}/{key}", seen) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_plain(item, f"{place}/{i}", seen) for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{place}: {type(value).__name__} is no plain data")
