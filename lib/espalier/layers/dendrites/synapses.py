"""A linear layer whose units each have the same number of inputs, and store no others."""

from __future__ import annotations

import math
from typing import Any, get_args

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.arguments import check_choice, check_counts
from espalier.layers.dendrites import input_rows, kernel_choice, kernels, wiring
from espalier.layers.dendrites.folded_synapses import FoldedSynapses
from espalier.layers.dendrites.kernels import Backend
from espalier.layers.folded import Stacked


class Synapses(nn.Module):
    """y_u = sum_i weight[u, i] x[index[u, i]] + bias[u].

    `weight` (units, fan_in) and `bias` (units,) are trained; `index` (units, fan_in) int64 is a
    buffer, distinct in each row, which may be written in place at any time between a backward and
    a forward pass. The numbers stay those of the weights under autocast.
    """

    index: Tensor

    def __init__(
        self,
        inputs: int,
        index: Tensor,
        std: float | None = None,
        backend: Backend | None = None,
    ) -> None:
        """`std` is the deviation of fresh weights, None for sqrt(2 / inputs).

        `backend` is how sums are computed, None for the fastest by `kernel_choice`. Raises
        ValueError or TypeError if there can be no such layer.
        """
        super().__init__()
        check_counts(inputs=inputs)
        wiring.check_index(index, inputs)
        if backend is not None:
            check_choice("backend", backend, get_args(Backend))
        self.inputs, self.backend = inputs, backend
        self.std = math.sqrt(2 / inputs) if std is None else std
        self.weight = nn.Parameter(torch.randn(index.shape) * self.std)
        self.bias = nn.Parameter(torch.zeros(len(index)))
        self.register_buffer("index", index)
        self._size = (*index.shape, 1)

    @property
    def units(self) -> int:
        """Number of rows of `weight`."""
        return len(self.weight)

    @property
    def fan_in(self) -> int:
        """Number of synapses of a unit."""
        return self.weight.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., units). Raises ValueError."""
        shape = x.shape
        if len(shape) != 2 or shape[1] != self.inputs:
            return input_rows.map_rows(self.forward, x, self.inputs)
        return kernels.sums(self.choose_backend(x), x, *self.tensors())

    def choose_backend(self, x: Tensor) -> Backend:
        """Return the backend for x (n, inputs)."""
        return self.backend or kernel_choice.choose_by_size(
            len(x), self.inputs, self._size, x.is_cpu
        )

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return weight, bias and index, half a microsecond each faster than as attributes."""
        held: Any = self._parameters
        buffers: Any = self._buffers
        return held["weight"], held["bias"], buffers["index"]

    def folded(self, stacked: Stacked) -> FoldedSynapses:
        """Return the module that serves K trials: see `espalier.layers.folded`."""
        return FoldedSynapses(self.inputs, self.backend, stacked.own(self))

    @override
    def extra_repr(self) -> str:
        return f"inputs={self.inputs}, units={self.units}, fan_in={self.fan_in}"
