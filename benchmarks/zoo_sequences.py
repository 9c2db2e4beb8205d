"""Transformers and recurrent networks of the zoo, as their users write them: see zoo.py."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, HEADS, INNER, CONTEXT, SYMBOLS = 16, 2, 32, 6, 11
Activation = Callable[[Tensor], Tensor]


class Attention(nn.Module):
    """Causal attention with one projection for queries, keys and values (nanoGPT)."""

    def __init__(self) -> None:
        super().__init__()
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
        self.c_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        n, t, width = x.size()
        q, k, v = self.c_attn(x).split(width, dim=2)
        q, k, v = (y.view(n, t, HEADS, width // HEADS).transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(n, t, width))


class MLP(nn.Module):
    """nanoGPT's feed-forward part."""

    def __init__(self) -> None:
        super().__init__()
        self.c_fc = nn.Linear(WIDTH, INNER)
        self.c_proj = nn.Linear(INNER, WIDTH)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        return self.dropout(self.c_proj(F.gelu(self.c_fc(x))))


class Gated(nn.Module):
    """A gated feed-forward part (Shazeer 2020): SwiGLU with silu, GEGLU with gelu."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.w1 = nn.Linear(WIDTH, INNER, bias=False)
        self.w3 = nn.Linear(WIDTH, INNER, bias=False)
        self.w2 = nn.Linear(INNER, WIDTH, bias=False)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        return self.w2(self.activation(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """Attention and a feed-forward part, normalised before (pre) or after (post)."""

    def __init__(self, mlp: nn.Module, post: bool = False) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(WIDTH), Attention()
        self.ln_2, self.mlp = nn.LayerNorm(WIDTH), mlp
        self.post = post

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        if self.post:
            x = self.ln_1(x + self.attn(x))
            return self.ln_2(x + self.mlp(x))
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class LanguageModel(nn.Module):
    """Token and position embeddings, blocks, a last normalisation and a head, perhaps tied."""

    def __init__(self, blocks: list[nn.Module], tied: bool = False) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(blocks)
        self.ln_f = nn.LayerNorm(WIDTH)
        self.lm_head = nn.Linear(WIDTH, SYMBOLS, bias=False)
        if tied:
            self.wte.weight = self.lm_head.weight

    def forward(self, x: Tensor) -> Tensor:
        """Symbols (n, t) int64 -> logits (n, t, symbols)."""
        y = self.wte(x) + self.wpe(torch.arange(x.shape[1], device=x.device))
        for block in self.blocks:
            y = block(y)
        return self.lm_head(self.ln_f(y))


class Conv1D(nn.Module):
    """The layer of OpenAI's GPT-2 and of transformers: x @ weight + bias, weight (in, out)."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(torch.empty(nx, nf))
        self.bias = nn.Parameter(torch.zeros(nf))
        nn.init.normal_(self.weight, std=0.2)

    def forward(self, x: Tensor) -> Tensor:
        """(..., nx) -> (..., nf)."""
        size_out = x.size()[:-1] + (self.nf,)
        x = torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight)
        return x.view(size_out)


class Conv1DAttention(nn.Module):
    """GPT-2's attention over Conv1D layers."""

    def __init__(self) -> None:
        super().__init__()
        self.c_attn, self.c_proj = Conv1D(3 * WIDTH, WIDTH), Conv1D(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        q, k, v = self.c_attn(x).split(WIDTH, dim=2)
        scores = (q @ k.transpose(1, 2)) / math.sqrt(WIDTH)
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return self.c_proj(scores.masked_fill(future, -math.inf).softmax(-1) @ v)


class Conv1DBlock(nn.Module):
    """GPT-2's block over Conv1D layers."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(WIDTH), Conv1DAttention()
        self.ln_2 = nn.LayerNorm(WIDTH)
        self.c_fc, self.c_proj = Conv1D(INNER, WIDTH), Conv1D(WIDTH, INNER)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x))))


class AttentionPool(nn.Module):
    """nn.MultiheadAttention over a sequence, with keys and values of another width if given."""

    def __init__(self, other: int | None = None) -> None:
        super().__init__()
        self.proj = nn.Linear(8, WIDTH)
        self.context = nn.Linear(8, other) if other else None
        self.attention = nn.MultiheadAttention(
            WIDTH, HEADS, batch_first=True, kdim=other, vdim=other
        )
        self.head = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, 8) -> logits (n, 5)."""
        y = self.proj(x)
        context = y if self.context is None else self.context(x)
        y, _ = self.attention(y, context, context, need_weights=False)
        return self.head(y.mean(1))


class EncoderClassifier(nn.Module):
    """torch's own encoder layers, and a head."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.proj = nn.Linear(8, WIDTH)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, INNER, dropout=0.0, batch_first=True, norm_first=norm_first
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, 8) -> logits (n, 5)."""
        return self.head(self.encoder(self.proj(x)).mean(1))


class Recurrent(nn.Module):
    """A recurrent network of torch and a head on its last output."""

    def __init__(self, kind: type[nn.RNNBase], **options: int | bool) -> None:
        super().__init__()
        self.rnn = kind(8, WIDTH, batch_first=True, **options)
        self.head = nn.Linear(WIDTH * (1 + bool(options.get("bidirectional"))), 5)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, 8) -> logits (n, 5)."""
        y, _ = self.rnn(x)
        return self.head(y[:, -1])


class CellByHand(nn.Module):
    """An nn.GRUCell, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(8, WIDTH), nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, 8) -> logits (n, 5)."""
        h = x.new_zeros(len(x), WIDTH)
        for step in x.unbind(1):
            h = self.cell(step, h)
        return self.head(h)
