"""A linear layer with a mask of its live edges, and the step at which each was born."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.core.self_measuring import PartlyLive
from espalier.sparse.masked_weight import ABSENT, At, MaskedWeight, find_leaks


class MaskedLinear(MaskedWeight, PartlyLive):
    """y = x (weight * mask)^T + bias, (n, inputs) -> (n, outputs).

    `weight` and the buffers `mask` (bool, where edges are live) and `births` are
    (outputs, inputs). An edge off the mask has weight 0, and since it then has no gradient, every
    optimizer of the harness leaves its weight and its state at 0.
    Not an `nn.Linear`: methods that mask weights by themselves would count dead edges as theirs.
    """

    weight: nn.Parameter
    mask: Tensor

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        """Make edges where `mask` (outputs, inputs) is True, all numbers 0, born at step 0."""
        super().__init__()
        dtype, device = torch.get_default_dtype(), mask.device
        self.weight = nn.Parameter(torch.zeros(mask.shape, dtype=dtype, device=device))
        self.bias = nn.Parameter(self.weight.new_zeros(len(mask))) if bias else None
        self.register_buffer("mask", mask.bool())
        self.register_buffer("births", torch.where(mask.bool(), 0, ABSENT).to(torch.int32))

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
        """Live edges."""
        return int(torch.count_nonzero(self.mask))

    @property
    def masked(self) -> int:
        """Stored weights that are not live."""
        return self.mask.numel() - self.live

    @property
    def density(self) -> float:
        """Share of the possible edges that is live, in [0, 1]."""
        return self.live / self.mask.numel()

    def begin(self, live: Tensor) -> None:
        """Let exactly the edges `live` (bool) exist; the caller sets the weights."""
        super().begin(live)
        self.mask.copy_(live)

    @torch.no_grad()
    def add(self, at: At, step: int, weights: Tensor | float = 0.0) -> None:
        """Let edges be born after update `step`, or born again, with these weights."""
        super().add(at, step)
        self.mask[at] = True
        self.weight[at] = torch.as_tensor(weights).to(self.weight)

    @torch.no_grad()
    def remove(self, at: At) -> None:
        """Remove edges; their weights are 0."""
        super().remove(at)
        self.mask[at] = False
        self.weight[at] = 0.0

    def reindex(self, dim: int, source: Tensor) -> None:
        """Reindex mask and births by `source` (n,) along `dim`; -1: a slice without edges.

        The caller resizes the weight.
        """
        births = self.births.index_select(dim, source.clamp_min(0))
        self.births = births.index_fill_(dim, (source < 0).nonzero().flatten(), ABSENT)
        self.mask = self.live_mask

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs) to (n, outputs)."""
        return F.linear(x, self.weight * self.mask, self.bias)

    def assert_masked(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Raise AssertionError if anything off the mask is not 0 or has a birth step."""
        assert torch.equal(self.live_mask, self.mask), "births are not those of the live edges"
        for name, count in find_leaks(self.weight, self.mask, optimizer).items():
            raise AssertionError(f"{count} elements of {name} off the mask are not 0")
