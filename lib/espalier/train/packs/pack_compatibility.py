"""Pack compatibility: which runs can be trained as one program, and why not."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as nn_module

from espalier.core.contracts import TrainsAlone
from espalier.train.engine.trainer import Trainer

_PLAIN = frozenset(vars(nn.Module()))
"""The attributes that every module has."""
_HOOKS = [name for name in sorted(_PLAIN) if name.endswith("_hooks")]


def why_alone(trainer: Trainer) -> str:
    """Return why this run can only train alone; empty if it may be in a pack."""
    recipe, run = trainer.recipe, trainer.run
    if isinstance(run.optimizer, TrainsAlone):
        return run.optimizer.why_alone
    reasons = {
        "compiled models are trained one by one": recipe.compile,
        "it is trained on several devices": recipe.devices > 1,
        "batches are taken in parts": trainer.micro_batch > 0,
        "float16 loss scaling is kept for each trial alone": recipe.amp == "fp16",
        f"the method {type(run.method).__name__} cannot be packed": not run.method.packable,
        "the model has hooks": has_hooks(run.model),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def has_hooks(model: nn.Module) -> bool:
    """Return whether something waits for what a part of `model` computes, or for its gradients."""
    if nn_module._has_any_global_hook():  # type: ignore[no-untyped-call]
        return True
    return any(vars(module)[name] for module in model.modules() for name in _HOOKS) or any(
        p._backward_hooks or p._post_accumulate_grad_hooks for p in model.parameters()
    )


def same_structure(a: Trainer, b: Trainer) -> bool:
    """Return whether two runs, both fit for packs, can be in the same one."""
    try:
        return bool(_conditions(a) == _conditions(b) and _architecture(a) == _architecture(b))
    except (RuntimeError, ValueError):  # tensors or arrays deep in some attribute
        return False


def group_by_structure(trainers: Sequence[Trainer]) -> list[list[int]]:
    """Group the indices of trainers of one structure, in order; others stay alone."""
    groups: list[list[int]] = []
    for index, trainer in enumerate(trainers):
        packable = not why_alone(trainer)
        others = [g for g in groups if packable and not why_alone(trainers[g[0]])]
        same = next((g for g in others if same_structure(trainers[g[0]], trainer)), None)
        if same is None:
            groups.append([index])
        else:
            same.append(index)
    return groups


def _conditions(trainer: Trainer) -> Hashable:
    """Return what must be equal besides the models."""
    run, recipe = trainer.run, trainer.recipe
    samples = (id(run.train), trainer.tasks, run.epoch)
    return *samples, run.batch_size, recipe.amp, recipe.cpu_threads, trainer.device


def _architecture(trainer: Trainer) -> list[Any]:
    """Return names, types, attributes and tensor kinds of the modules, and what they share."""
    model = trainer.run.model
    parts = [
        (name, type(module), _tensors(module))
        for name, module in model.named_modules(remove_duplicate=False)
    ]
    return [parts, own_attributes(model), _sharing(model)]


def own_attributes(model: nn.Module) -> list[dict[str, Any]]:
    """Return each module's own attributes; a tensor among them is its identity."""
    return [
        {
            name: id(value) if isinstance(value, Tensor) else value
            for name, value in vars(module).items()
            if name not in _PLAIN
        }
        for module in model.modules()
    ]


def _tensors(module: nn.Module) -> list[Any]:
    tensors = (*module._parameters.items(), *module._buffers.items())
    return [(n, t if t is None else (t.shape, t.dtype, t.requires_grad)) for n, t in tensors]


def _sharing(model: nn.Module) -> list[int]:
    """Return a number for each module and parameter; shared ones have the same number."""
    parts = (model.named_modules, model.named_parameters)
    numbers: dict[int, int] = {}
    keys = (id(item) for named in parts for _, item in named(remove_duplicate=False))
    return [numbers.setdefault(key, len(numbers)) for key in keys]
