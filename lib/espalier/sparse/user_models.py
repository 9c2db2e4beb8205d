"""Checks of models and optimizers that users hand in, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def check_model(model: Any) -> None:
    """Raise TypeError unless `model` is a module."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: must be a torch.nn.Module, not {type(model).__name__}")


def check_trained(
    parts: Iterable[tuple[str, Iterable[Tensor]]], optimizer: torch.optim.Optimizer
) -> None:
    """Raise ValueError, with the name, if `optimizer` trains none of the parameters of a part."""
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for name, parameters in parts:
        if not any(id(p) in trained for p in parameters):
            raise ValueError(
                f"{name}: the optimizer does not train it: build the optimizer on the parameters "
                "of this model, after the model is on its device"
            )
