"""A small causal transformer over characters: the language model of the apoptosis experiments.

Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, the decoder without its
cross-attention; sizes, initial weights and the order of layers as in the experiments that
introduced neuron apoptosis (6 layers, width 128, 4 heads, inner layers of 512 units, GELU,
normalisation after each residual sum, no last normalisation, an output layer of its own with
bias): 1,222,721 parameters for 65 characters.
Differs: learned positions; see `espalier.models.transformer_parts`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import Shape, TokenShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.transformer_parts import (
    BlockOptions,
    TransformerBlock,
    check_heads,
    initialise_xavier,
)

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
    ffn: Literal["dense", "dendritic"]
    dendrites: int | None

    def build(self, shape: TokenShape) -> nn.Module:
        """Build the transformer. Raises CannotTrain if the heads do not divide the width."""
        check_heads(self.heads, self.width, "CHARLM")
        return Transformer(self, shape)

    def block(self) -> BlockOptions:
        """Return what each block is made of."""
        pre = self.norm == "pre"
        dendrites = (self.dendrites or 0) if self.ffn == "dendritic" else 0
        sizes = (self.width, self.heads, self.inner)
        return BlockOptions(*sizes, self.dropout, pre, causal=True, dendrites=dendrites)


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
        self.blocks = nn.Sequential(*(TransformerBlock(spec.block()) for _ in range(spec.layers)))
        self.norm = nn.LayerNorm(spec.width) if spec.norm == "pre" else nn.Identity()
        self.head = nn.Linear(spec.width, shape.vocabulary)
        self.apply(_initialise)

    @override
    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device).expand_as(x)  # of each sample: see packs
        features = self.blocks(self.characters(x) + self.positions(places))  # (n, t, width)
        logits: Tensor = self.head(self.norm(features))
        return logits


def _initialise(module: nn.Module) -> None:
    initialise_xavier(module)
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=EMBEDDING_STD)
