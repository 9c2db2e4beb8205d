"""A linear layer of which only some edges are there, and that knows when each was born."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from espalier.measured import PartlyLive
from espalier.sparse.mask import held
from espalier.train import fold_rules
from espalier.train.folded import Stacked

UNBORN = -1
"""The birth step of an edge that is not there."""


class MaskedLinear(PartlyLive):
    """y = x (weight * mask)^T + bias, (n, inputs) -> (n, outputs).

    `weight` and the buffers `mask` (bool) and `births` (int32, the step in which an edge was born,
    UNBORN where there is none) are (outputs, inputs). An edge off the mask has weight 0, and since
    it then has no gradient, every optimizer of the harness leaves its weight and its state at 0.
    Not an `nn.Linear`: methods that mask weights by themselves would count dead edges as theirs.
    """

    mask: Tensor
    births: Tensor

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        """Edges where `mask` (outputs, inputs) is True, all numbers 0, born at step 0."""
        super().__init__()
        dtype, device = torch.get_default_dtype(), mask.device
        self.weight = nn.Parameter(torch.zeros(mask.shape, dtype=dtype, device=device))
        self.bias = nn.Parameter(self.weight.new_zeros(len(mask))) if bias else None
        self.register_buffer("mask", mask.bool())
        self.register_buffer("births", torch.where(mask.bool(), 0, UNBORN).to(torch.int32))

    @property
    def inputs(self) -> int:
        """Columns of `weight`."""
        return self.weight.shape[1]

    @property
    def outputs(self) -> int:
        """Rows of `weight`."""
        return self.weight.shape[0]

    @property
    def live(self) -> int:
        """Edges that are there."""
        return int(torch.count_nonzero(self.mask))

    @property
    @override
    def masked(self) -> int:
        return self.mask.numel() - self.live

    @property
    def density(self) -> float:
        """Share of the possible edges that is there, in [0, 1]."""
        return self.live / self.mask.numel()

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) -> (n, outputs)."""
        return F.linear(x, self.weight * self.mask, self.bias)

    def folded(self, stacked: Stacked) -> nn.Module:
        """The twin that serves K trials: see `espalier.train.folded`."""
        return FoldedMasked(self, stacked)

    def assert_masked(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Raise AssertionError if anything off the mask is not 0, or is said to be born."""
        assert torch.equal(self.births >= 0, self.mask), "births are not those of the live edges"
        tensors = {"weight": self.weight} if optimizer is None else held(self.weight, optimizer)
        for name, tensor in tensors.items():
            wrong = int(torch.count_nonzero(tensor.detach().masked_fill(self.mask, 0)))
            assert wrong == 0, f"{wrong} elements of {name} off the mask are not 0"

    def extra_repr(self) -> str:
        """As other layers show what they are."""
        return f"inputs={self.inputs}, outputs={self.outputs}, live={self.live}"


class FoldedMasked(fold_rules.Linear):
    """The products of K trials as one batched product, each with its own mask."""

    def __init__(self, layer: MaskedLinear, stacked: Stacked) -> None:
        """The gradient of the product is not yet the weight's, so it is not written in place."""
        super().__init__(layer, stacked)
        self.target = None

    @override
    def weight(self) -> Tensor:
        return self.stacks["weight"] * self.stacks["mask"]
