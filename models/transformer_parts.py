"""Parts of the transformers: attention, and a block of attention and an inner layer.

Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, sections 3.2 and 3.3.
Differs: attention weights are never dropped out, because that would draw random numbers that are
not a trial's own in a pack.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from espalier.core.contracts import CannotTrain
from espalier.layers.dendrites.dendritic_layer import DendriticLayer


@dataclass(frozen=True)
class BlockOptions:
    """What a block is made of: features, heads, units of the inner layer, share dropped out.

    With `pre` it normalises before its branches, else after each sum. With `causal` a place looks
    only at those before it. Units of the inner layer have so many `dendrites` each, with 0 none.
    """

    width: int
    heads: int
    inner: int
    dropout: float
    pre: bool
    causal: bool
    dendrites: int = 0


class TransformerBlock(nn.Module):
    """Attention, then the inner layer, each beside a residual path: (n, t, width) -> the same."""

    def __init__(self, options: BlockOptions) -> None:
        """Names are those that patterns of layers refer to, such as `blocks.0.ffn.0`."""
        super().__init__()
        width, inner = options.width, options.inner
        self.pre = options.pre
        self.attention = Attention(width, options.heads, options.causal)
        self.dropout = nn.Dropout(options.dropout)
        self.ffn = nn.Sequential(
            *make_inner(width, inner, options.dendrites),
            nn.Dropout(options.dropout),
            nn.Linear(inner, width),
            nn.Dropout(options.dropout),
        )
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    @override
    def forward(self, x: Tensor) -> Tensor:
        if self.pre:
            x = x + self.dropout(self.attention(self.norm1(x)))
            x = x + self.ffn(self.norm2(x))
            return x
        x = self.norm1(x + self.dropout(self.attention(x)))
        y: Tensor = self.norm2(x + self.ffn(x))
        return y


class Attention(nn.Module):
    """Each place looks at all, or at itself and those before it: (n, t, width) -> the same."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        """One layer makes queries, keys and values, in this order."""
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    @override
    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out_proj(attend(self.qkv(x), self.heads, self.causal))
        return y


def make_inner(width: int, inner: int, dendrites: int) -> tuple[nn.Module, nn.Module]:
    """Make the inner layer and its nonlinearity: (n, t, width) -> (n, t, inner).

    A unit with D dendrites of width / D - 2 random inputs each has width + 1 parameters, exactly as
    many as a fully connected one. Its soma ends in a leaky ReLU in place of the GELU.
    Source: the neurons of Chavlis and Poirazi 2025, Nature Communications 16:943.
    """
    if not dendrites:
        return nn.Linear(width, inner), nn.GELU()
    fan_in = count_synapses(width, dendrites)
    return DendriticLayer(width, inner, dendrites, fan_in), nn.Identity()


def count_synapses(width: int, dendrites: int) -> int:
    """Return the inputs of a dendrite with which a unit has width + 1 parameters.

    D (I + 2) + 1 = width + 1. Raises CannotTrain if there is no such whole number from 1.
    """
    synapses, rest = divmod(width, dendrites)
    if rest or synapses < 3:
        rule = f"must divide the width {width}, into parts of 3 or more"
        raise CannotTrain("dendrites", f"dendrites={dendrites}: {rule}")
    return synapses - 2


def attend(qkv: Tensor, heads: int, causal: bool) -> Tensor:
    """Mix values by queries and keys: (n, t, 3 * width), in this order -> (n, t, width)."""
    n, t, size = qkv.shape
    parts = qkv.view(n, t, 3, heads, size // (3 * heads))
    q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (n, heads, t, width / heads)
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return mixed.transpose(1, 2).reshape(n, t, size // 3)


def check_heads(heads: int, width: int, name: str) -> None:
    """Raise CannotTrain unless the heads of model `name` divide its width."""
    if width % heads:
        raise CannotTrain(
            "heads", f"CONFIG_{name}_HEADS={heads}: must divide CONFIG_{name}_WIDTH={width}"
        )


def initialise_xavier(module: nn.Module) -> None:
    """Apply Glorot and Bengio 2010 to linear layers; qkv counts as one matrix of 3 * width."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
