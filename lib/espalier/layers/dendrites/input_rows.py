"""Inputs of any number of dimensions as rows, and what is no input of a layer at all.

A layer computes on (n, inputs). It finds by one comparison that it is given anything else, and
only then comes here.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def map_rows(
    compute: Callable[[Tensor], Tensor], x: Tensor, inputs: int, trials: int = 1
) -> Tensor:
    """Map (..., inputs) to (..., outputs), as torch's Linear does, by `compute` of (n, inputs).

    Of several trials that are folded into one, the first dimension has as many samples of each.
    Raises ValueError for another width, or samples that cannot be divided.
    """
    check_width(x, inputs)
    if trials > 1 and (x.ndim < 2 or len(x) % trials):
        raise ValueError(f"expected samples of {trials} trials, got x {tuple(x.shape)}")
    y = compute(x.reshape(x.shape[:-1].numel(), inputs))
    return y.reshape(*x.shape[:-1], y.shape[-1])


def check_width(x: Tensor, inputs: int) -> None:
    """Raise ValueError unless the last dimension of `x` is the layer's inputs."""
    width = x.shape[-1] if x.ndim else "a single number"
    if width != inputs:
        rule = f"x must be (..., {inputs}), not {tuple(x.shape)}"
        raise ValueError(f"expected {inputs} inputs, got {width}: {rule}")
