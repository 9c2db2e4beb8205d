"""Which runs can be trained as one program, and why not."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from torch import Tensor, nn

from espalier.train.engine.trainer import Trainer

_PLAIN = frozenset(vars(nn.Module()))
"""The attributes that every module has."""
_HOOKS = [name for name in sorted(_PLAIN) if name.endswith("_hooks")]


def why_alone(trainer: Trainer) -> str:
    """Why this run can only train alone; empty if nothing speaks against a pack."""
    recipe, run = trainer.recipe, trainer.run
    reasons = {
        "compiled models are trained one by one": recipe.compile,
        "it is trained on several devices": recipe.devices > 1,
        "batches are taken in parts": trainer.micro_batch > 0,
        "float16 loss scaling is kept for each trial alone": recipe.amp == "fp16",
        f"the method {type(run.method).__name__} cannot be packed": not run.method.packable,
        "the model has hooks": any(_hooked(module) for module in run.model.modules())
        or any(_watched(parameter) for parameter in run.model.parameters()),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _hooked(module: nn.Module) -> bool:
    return any(vars(module)[name] for name in _HOOKS)


def _watched(parameter: nn.Parameter) -> bool:
    return bool(parameter._backward_hooks or parameter._post_accumulate_grad_hooks)


def same_structure(one: Trainer, other: Trainer) -> bool:
    """Whether two runs, both fit for packs, can be in the same one."""
    try:
        return bool(_outside(one) == _outside(other) and _inside(one) == _inside(other))
    except (RuntimeError, ValueError):  # tensors or arrays deep in some attribute
        return False


def group_by_structure(trainers: Sequence[Trainer]) -> list[list[int]]:
    """The places of the trainers, put together where they are alike; others alone. In order."""
    found: list[list[int]] = []
    for place, trainer in enumerate(trainers):
        free = not why_alone(trainer)
        home = [g for g in found if free and not why_alone(trainers[g[0]])]
        same = next((g for g in home if same_structure(trainers[g[0]], trainer)), None)
        if same is None:
            found.append([place])
        else:
            same.append(place)
    return found


def _outside(trainer: Trainer) -> Hashable:
    """What must be equal beside the models."""
    run, recipe = trainer.run, trainer.recipe
    samples = (id(run.train), trainer.course, run.epoch)
    return *samples, run.batch_size, recipe.amp, recipe.cpu_threads, trainer.device


def _inside(trainer: Trainer) -> list[Any]:
    """The model as its names, types, settings, the kinds of its tensors, and what it shares."""
    model = trainer.run.model
    parts = [
        (name, type(module), _tensors(module))
        for name, module in model.named_modules(remove_duplicate=False)
    ]
    return [parts, own_attributes(model), _sharing(model)]


def own_attributes(model: nn.Module) -> list[dict[str, Any]]:
    """Attributes of each module's own; a tensor among them equals nothing, itself aside."""
    return [_settings(module) for module in model.modules()]


def _settings(module: nn.Module) -> dict[str, Any]:
    held = vars(module).items()
    own = {name: value for name, value in held if name not in _PLAIN}
    return {name: id(v) if isinstance(v, Tensor) else v for name, v in own.items()}


def _tensors(module: nn.Module) -> list[Any]:
    held = (*module._parameters.items(), *module._buffers.items())
    return [(name, t if t is None else (t.shape, t.dtype, t.requires_grad)) for name, t in held]


def _sharing(model: nn.Module) -> list[int]:
    """A number for each module and parameter, that of the first for one that is met again."""
    held = (model.named_modules, model.named_parameters)
    numbers: dict[int, int] = {}
    found = (id(item) for named in held for _, item in named(remove_duplicate=False))
    return [numbers.setdefault(key, len(numbers)) for key in found]
