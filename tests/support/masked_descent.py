"""Gradient descent of three layers under masks in numpy, beside a method under test."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from plain_layers import gradients, matrices, network
from torch import nn

Arrays = list[NDArray[np.float64]]
Masks = list[NDArray[np.bool_]]
Event = Callable[[int, Arrays, Arrays, Masks], Masks]
"""Return the masks after an update, of its number, weights, gradients and the masks before."""


def live_masks(model: nn.Module) -> Masks:
    """Which weights of a model are not 0."""
    return [(w != 0).numpy() for w in matrices(model)]


def follow(
    model: nn.Module, update: Callable[[int], None], event: Event, steps: int, lr: float
) -> Masks:
    """Update `model` and a copy in numpy; weights are equal to 1e-6 after each of `steps`.

    The copy begins with the live weights of `model`, and `event` says which are live next. Return
    the last masks.
    """
    masks, other = live_masks(model), network()
    _mask(other, masks)
    for step in range(1, steps + 1):
        update(step)
        grads = _descend(other, masks, step, lr)
        masks = event(step, [w.detach().numpy() for w in matrices(other)], grads, masks)
        _mask(other, masks)
        for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-6)
    return masks


@torch.no_grad()
def _mask(model: nn.Module, masks: Masks) -> None:
    for w, mask in zip(matrices(model), masks, strict=True):
        w *= torch.from_numpy(mask)


def _descend(model: nn.Module, masks: Masks, step: int, lr: float) -> Arrays:
    """Update the live weights and the biases; return the gradients of all weights."""
    gradients(model, step)
    slopes = [w.grad for w in matrices(model) if w.grad is not None]
    grads = [slope.numpy().copy() for slope in slopes]
    with torch.no_grad():
        for slope, mask in zip(slopes, masks, strict=True):
            slope *= torch.from_numpy(mask)
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter -= lr * parameter.grad
    return grads
