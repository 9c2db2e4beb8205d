"""Verify that K runs folded into one network compute what each computes alone.

Trials of a sweep often begin with one seed, so with the same weights and the same batches. Their
first batch does not reveal a program that confuses them. So weights and samples are
made to differ first, and put back afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espalier.core.contracts import Run
from espalier.layers.folded import CannotPack, Stacked
from espalier.train.engine.seeds import global_states
from espalier.train.packs.pack_compatibility import own_attributes

CLOSE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""How near the outputs must be to the runs' own, relative to the largest."""
CLOSE_IN_HALF = 0.1


@torch.no_grad()
def verify_fold(program: nn.Module, runs: Sequence[Run], state: Stacked, x: Tensor) -> None:
    """Compare `program` on a batch x (K*b, ...) with the first and the last run alone.

    `state` is what `program` computes with. Leaves no trace. Raises CannotPack.
    """
    kept = [stack.clone() for stack in state.tensors.values()]
    streams = [generator.get_state() for generator in state.generators]
    for stack in state.tensors.values():
        if stack.is_floating_point():
            stack += _ramp(stack) * (0.1 * stack + 0.01)
    try:
        _compare(program, runs, state, _differing(x, len(runs)))
    finally:
        for stack, old in zip(state.tensors.values(), kept, strict=True):
            stack.copy_(old)
        for generator, stream in zip(state.generators, streams, strict=True):
            generator.set_state(stream)


def _ramp(stack: Tensor) -> Tensor:
    """Return factors from 0 for the first trial to 1 for the last, to scale a stack (K, ...)."""
    steps = torch.linspace(0, 1, len(stack), dtype=stack.dtype, device=stack.device)
    return steps.view(-1, *[1] * (stack.ndim - 1))


def _differing(x: Tensor, trials: int) -> Tensor:
    """Return different samples for each trial: reordered and, if floats, rescaled."""
    parts = torch.stack([part.roll(k, 0) for k, part in enumerate(x.chunk(trials))])
    return (parts * (1 + _ramp(parts)) if x.is_floating_point() else parts).flatten(0, 1)


def _compare(program: nn.Module, runs: Sequence[Run], state: Stacked, x: Tensor) -> None:
    places, parts = (0, len(runs) - 1), x.chunk(len(runs))
    try:
        alone = [_alone(runs[k], parts[k]) for k in places]
        before = global_states(x.device)
        with torch.enable_grad():
            logits: Tensor = program(x)
            grads = _gradients(logits, list(state.tensors.values()))
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise CannotPack(f"the model fails on a batch of several trials: {error}") from error
    if not all(map(torch.equal, before, global_states(x.device))):
        raise CannotPack("the model draws random numbers that are not a trial's own")
    for k, (model, own, own_grads) in zip(places, alone, strict=True):
        if not _near(logits.chunk(len(runs))[k], own):
            raise CannotPack("the model mixes the samples of a batch")
        if not all(map(_near, runs[k].model.buffers(), model.buffers())):
            raise CannotPack("the model's buffers would not be those of a trial alone")
        if not _all_near([grad[k] for grad in grads], own_grads):
            raise CannotPack("the model's gradients would not be those of a trial alone")


def _alone(run: Run, x: Tensor) -> tuple[nn.Module, Tensor, list[Tensor]]:
    """Return a copy of the run's model after a batch in training, its outputs and gradients."""
    model = copy.deepcopy(run.model)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.set_rng_state(run.generators["dropout"].get_state())
        logits: Tensor = model(x)
        grads = _gradients(logits, list(model.parameters()))
    if own_attributes(model) != own_attributes(run.model):
        raise CannotPack("the model changes attributes of its own while it computes")
    return model, logits, grads


def _gradients(logits: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return gradients of the logits' squares, 0 where there is none; none in mixed precision."""
    trained = [tensor for tensor in tensors if tensor.requires_grad]
    if not logits.requires_grad or torch.is_autocast_enabled(logits.device.type):
        return []
    return list(
        torch.autograd.grad(
            logits.square().sum(), trained, allow_unused=True, materialize_grads=True
        )
    )


def _all_near(grads: Sequence[Tensor], own: Sequence[Tensor]) -> bool:
    """Compare relative to the largest of all: some are nothing but rounding errors."""
    if not grads:
        return True
    ours, theirs = (torch.cat([grad.flatten() for grad in each]) for each in (grads, own))
    return _near(ours, theirs, slack=10)


def _near(part: Tensor, own: Tensor, slack: float = 1) -> bool:
    if part.shape != own.shape or not own.is_floating_point() or not own.numel():
        return torch.equal(part, own)
    largest = float(own.nan_to_num(0, 0, 0).abs().max())
    within = slack * CLOSE.get(own.dtype, CLOSE_IN_HALF) * largest
    return torch.allclose(part, own, rtol=0, atol=within, equal_nan=True)
