"""A GPT of any size, with the layers and the names of nanoGPT.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2), as
Karpathy's nanoGPT has it, `model.py`: learned positions, blocks that normalise before attention
and before an inner layer of four times the width with GELU, a last normalisation, an output layer
without bias that is the table of the characters too; weights normal with deviation 0.02, those of
the last layer of each branch 0.02 / sqrt(2 * layers). With width 768, 12 layers, 12 heads, 50,257
tokens and a context of 1024 it is GPT-2: 124,439,808 parameters.
Differs: tokens are characters; see `espalier.models.transformer_parts` for dropout.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import Model
from espalier.core.samples import Shape, TokenShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.transformer_parts import attend, check_heads

STD = 0.02
INNER = 4  # times the width
DEEPEST = 256


@kconfig_dataclass
class Gpt(Model):
    """`layers` blocks on `width` features; `tied`: the output layer is the table of characters."""

    takes: ClassVar[type[Shape]] = TokenShape
    free: ClassVar[tuple[str, ...]] = ("layers",)

    width: int
    layers: int
    heads: int
    dropout: float
    bias: bool
    tied: bool

    @override
    def build(self, shape: TokenShape) -> nn.Module:
        check_heads(self.heads, self.width, "GPT")
        return GptNet(self, shape)

    @override
    def parameters(self, shape: TokenShape) -> int:
        check_heads(self.heads, self.width, "GPT")
        width, bias = self.width, int(self.bias)
        weights = (3 + 1 + INNER + INNER) * width**2
        block = weights + bias * (3 + 1 + INNER + 1) * width + 2 * (1 + bias) * width
        tables = (shape.vocabulary * (1 if self.tied else 2) + shape.context) * width
        return tables + self.layers * block + (1 + bias) * width

    @override
    def largest(self, field: str, shape: TokenShape) -> int:
        return DEEPEST


class GptNet(nn.Module):
    """Characters (n, t) int64 -> logits (n, t, vocabulary) of the character after each.

    t is at most the context.
    """

    def __init__(self, spec: Gpt, shape: TokenShape) -> None:
        """Draw the weights of all layers, then those of the last layers of branches anew."""
        super().__init__()
        self.transformer = GptBody(spec, shape)
        self.lm_head = nn.Linear(spec.width, shape.vocabulary, bias=False)
        if spec.tied:
            self.lm_head.weight = self.transformer.wte.weight
        self.apply(_initialise)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(parameter, std=STD / math.sqrt(2 * spec.layers))

    @override
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.lm_head(self.transformer(x))
        return logits


class GptBody(nn.Module):
    """All but the output layer: (n, t) -> (n, t, width). Names are those of nanoGPT."""

    def __init__(self, spec: Gpt, shape: TokenShape) -> None:
        super().__init__()
        self.wte = nn.Embedding(shape.vocabulary, spec.width)
        self.wpe = nn.Embedding(shape.context, spec.width)
        self.drop = nn.Dropout(spec.dropout)
        self.h = nn.Sequential(*(GptBlock(spec) for _ in range(spec.layers)))
        self.ln_f = nn.LayerNorm(spec.width, bias=spec.bias)

    @override
    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device).expand_as(x)  # of each sample: see packs
        y: Tensor = self.ln_f(self.h(self.drop(self.wte(x) + self.wpe(places))))
        return y


class GptBlock(nn.Module):
    """Attention, then the inner layer, each normalised before: (n, t, width) -> the same."""

    def __init__(self, spec: Gpt) -> None:
        super().__init__()
        width, inner = spec.width, INNER * spec.width
        self.ln_1 = nn.LayerNorm(width, bias=spec.bias)
        self.attn = GptAttention(spec)
        self.ln_2 = nn.LayerNorm(width, bias=spec.bias)
        self.mlp = nn.Sequential(
            OrderedDict(
                c_fc=nn.Linear(width, inner, bias=spec.bias),
                gelu=nn.GELU(),
                c_proj=nn.Linear(inner, width, bias=spec.bias),
                dropout=nn.Dropout(spec.dropout),
            )
        )

    @override
    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        y: Tensor = x + self.mlp(self.ln_2(x))
        return y


class GptAttention(nn.Module):
    """Each place looks at itself and those before it: (n, t, width) -> the same."""

    def __init__(self, spec: Gpt) -> None:
        """`c_attn` makes queries, keys and values, in this order."""
        super().__init__()
        self.heads = spec.heads
        self.c_attn = nn.Linear(spec.width, 3 * spec.width, bias=spec.bias)
        self.c_proj = nn.Linear(spec.width, spec.width, bias=spec.bias)
        self.resid_dropout = nn.Dropout(spec.dropout)

    @override
    def forward(self, x: Tensor) -> Tensor:
        mixed = attend(self.c_attn(x), self.heads, causal=True)
        y: Tensor = self.resid_dropout(self.c_proj(mixed))
        return y


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=STD)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
