"""Concatenated ReLU: both halves of a number go on, so that no unit can be silent.

Source: Shang, Sohn, Almeida and Lee 2016, "Understanding and Improving Convolutional Neural
Networks via Concatenated Rectified Linear Units", arXiv 1603.05201, definition 2.1; for plasticity
Abbas et al. 2023, arXiv 2303.07507.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override


class ConcatenatedReLU(nn.Module):
    """Map (n, units) to (n, 2 * units): ReLU of x, then of -x."""

    @override
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, -x], -1).relu()
