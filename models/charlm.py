"""A small causal transformer over characters: the language model of the apoptosis experiments.

Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, the decoder without its
cross-attention; sizes, initial weights and the order of layers as in the experiments that
introduced neuron apoptosis (6 layers, width 128, 4 heads, inner layers of 512 units, GELU,
normalisation after each residual sum, no last normalisation, an output layer of its own with
bias): 1,222,721 parameters for 65 characters.
Differs: learned positions; attention weights are never dropped out, because that would draw random
numbers that are not a trial's own in a pack.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import Shape, TokenShape
from espalier.kconfig.config_dataclass import kconfig_dataclass

EMBEDDING_STD = 0.02


@kconfig_dataclass
class CharLM(Model):
    """`layers` blocks of attention and an inner layer of `inner` units, on `width` features."""

    takes: ClassVar[type[Shape]] = TokenShape

    width: int
    layers: int
    heads: int
    inner: int
    dropout: float
    norm: Literal["post", "pre"]

    def build(self, shape: TokenShape) -> nn.Module:
        """Build the transformer. Raises CannotTrain if the heads do not divide the width."""
        if self.width % self.heads:
            raise CannotTrain(
                "heads",
                f"CONFIG_CHARLM_HEADS={self.heads}: must divide CONFIG_CHARLM_WIDTH={self.width}",
            )
        return Transformer(self, shape)


class Transformer(nn.Module):
    """Characters (n, t) int64 -> logits (n, t, vocabulary) of the character after each.

    t is at most the context. Initial weights: linear layers Xavier-uniform without bias,
    embeddings normal with deviation 0.02.
    """

    def __init__(self, spec: CharLM, shape: TokenShape) -> None:
        """With normalisation before the branches there is one more behind the last block."""
        super().__init__()
        self.characters = nn.Embedding(shape.vocabulary, spec.width)
        self.positions = nn.Embedding(shape.context, spec.width)
        self.blocks = nn.Sequential(*(TransformerBlock(spec) for _ in range(spec.layers)))
        self.norm = nn.LayerNorm(spec.width) if spec.norm == "pre" else nn.Identity()
        self.head = nn.Linear(spec.width, shape.vocabulary)
        self.apply(_initialise)

    @override
    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device).expand_as(x)  # of each sample: see packs
        features = self.blocks(self.characters(x) + self.positions(places))  # (n, t, width)
        logits: Tensor = self.head(self.norm(features))
        return logits


class TransformerBlock(nn.Module):
    """Attention, then the inner layer, each beside a residual path: (n, t, width) -> the same."""

    def __init__(self, spec: CharLM) -> None:
        """Names are those that patterns of layers refer to, such as `blocks.0.ffn.0`."""
        super().__init__()
        self.pre = spec.norm == "pre"
        self.attention = Attention(spec.width, spec.heads)
        self.dropout = nn.Dropout(spec.dropout)
        self.ffn = nn.Sequential(
            nn.Linear(spec.width, spec.inner),
            nn.GELU(),
            nn.Dropout(spec.dropout),
            nn.Linear(spec.inner, spec.width),
            nn.Dropout(spec.dropout),
        )
        self.norm1, self.norm2 = nn.LayerNorm(spec.width), nn.LayerNorm(spec.width)

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
    """Each place looks at itself and those before it: (n, t, width) -> the same."""

    def __init__(self, width: int, heads: int) -> None:
        """One layer makes queries, keys and values, in this order."""
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    @override
    def forward(self, x: Tensor) -> Tensor:
        n, t, width = x.shape
        parts = self.qkv(x).view(n, t, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (n, heads, t, width / heads)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(n, t, width))
        return y


def _initialise(module: nn.Module) -> None:
    """Apply Glorot and Bengio 2010 to linear layers; qkv counts as one matrix of 3 * width."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=EMBEDDING_STD)
