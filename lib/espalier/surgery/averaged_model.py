"""An average of a model's weights after the model's layers have changed their size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from espalier.surgery import optimizer_state


@torch.no_grad()
def follow(averaged: nn.Module, model: nn.Module) -> None:
    """Give `averaged`, a copy of `model` or an `AveragedModel` of it, the model's sizes.

    What was added at the end of a dimension is the model's own as it is now; averages of what was
    there before stay. A parameter that has lost slices begins anew as the model's: which are gone
    cannot be seen. Raises ValueError if the two have other parts.
    """
    inner = averaged.module if isinstance(averaged, AveragedModel) else averaged
    new, old = _tensors(model), _tensors(inner)
    if new.keys() != old.keys():
        name = sorted(new.keys() ^ old.keys())[0]
        raise ValueError(f"{name}: is not in both the model and its average: average it anew")
    for name, tensor in new.items():
        if tensor.shape != old[name].shape:
            optimizer_state.replace_data(old[name], _joined(old[name].detach(), tensor.detach()))


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _joined(old: Tensor, new: Tensor) -> Tensor:
    joined = new.to(old, copy=True)
    grown = old.ndim == new.ndim and all(a <= b for a, b in zip(old.shape, new.shape, strict=True))
    if grown:
        joined[tuple(slice(size) for size in old.shape)] = old
    return joined
