"""A character-level transformer of the size that small studies use, for packs_gpu.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LAYERS, WIDTH, HEADS, INNER, CONTEXT, SYMBOLS = 6, 128, 4, 512, 128, 65


class Block(nn.Module):
    """Attention, then two linear layers, each behind a normalisation and beside a short cut."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_inner = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(n, context, width) -> the same shape."""
        x = x + self.mix(self.attend(self.queries_keys_values(self.before_attention(x))))
        return x + self.narrow(F.gelu(self.widen(self.before_inner(x))))

    def attend(self, three: Tensor) -> Tensor:
        """(n, context, 3 * width) -> (n, context, width)."""
        parts = three.unflatten(-1, (3, HEADS, -1)).permute(
            2, 0, 3, 1, 4
        )  # (3, n, heads, context, d)
        mixed = F.scaled_dot_product_attention(*parts, is_causal=True)
        return mixed.transpose(1, 2).flatten(2)


class CharTransformer(nn.Module):
    """1.2 million parameters. Differs: the logits of all places are averaged into one answer a
    sample, because the loop trains classifiers; the cost of a step is that of a language model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.last, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, SYMBOLS)

    def forward(self, x: Tensor) -> Tensor:
        """Symbols (n, context) int64 -> logits (n, symbols)."""
        places = torch.arange(x.shape[1], device=x.device).expand_as(x)
        y = self.blocks(self.symbols(x) + self.places(places))  # (n, context, width)
        logits: Tensor = self.head(self.last(y)).mean(1)
        return logits
