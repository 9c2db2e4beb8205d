"""A small GPT as a newcomer would train it, with one of the library's methods in his own loop.

Run: python benchmarks/nanogpt.py [--method adamwprune] [--steps 300] [--compile]

A character model of the documentation that ships with Python: blocks with c_attn, c_proj and c_fc,
an embedding that is also the head, AdamW, a cosine, a limit on the norm of gradients. It uses
nothing of Espalier but what `from espalier import ...` offers, and prints losses, sparsity and
events.
"""

from __future__ import annotations

import argparse
import math
import pydoc_data.topics
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier import AdamWPrune, RigL
from espalier import FunctionalPreservationApoptosis as Manager

CONTEXT, WIDTH, HEADS, LAYERS, BATCH, RATE = 64, 96, 4, 3, 16, 1e-3


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self) -> None:
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(n, context, width) -> the same shape."""
        q, k, v = (y.unflatten(2, (HEADS, -1)).transpose(1, 2) for y in self.c_attn(x).chunk(3, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        z: Tensor = self.c_proj(y.transpose(1, 2).flatten(2))
        return z


class MLP(nn.Module):
    """Two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.gelu = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        """(n, context, width) -> the same shape."""
        y: Tensor = self.c_proj(self.gelu(self.c_fc(x)))
        return y


class Block(nn.Module):
    """Attention and two layers, each behind a normalisation and beside a short cut."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.attn, self.ln_2, self.mlp = (
            nn.LayerNorm(WIDTH),
            Attention(),
            nn.LayerNorm(WIDTH),
            MLP(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, context, width) -> the same shape."""
        x = x + self.attn(self.ln_1(x))
        y: Tensor = x + self.mlp(self.ln_2(x))
        return y


class GPT(nn.Module):
    """The model; its head is its embedding."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(symbols, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln_f, self.lm_head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, symbols, bias=False)
        nn.init.normal_(self.wte.weight, std=0.02)
        self.lm_head.weight = self.wte.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (n, context) int64 -> logits (n, context, symbols)."""
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.lm_head(self.ln_f(x))
        return logits


def batch(data: Tensor) -> tuple[Tensor, Tensor]:
    """Return windows at random places and what follows each character, (n, context) each."""
    starts = torch.randint(len(data) - CONTEXT, (BATCH, 1))
    windows = data[starts + torch.arange(CONTEXT + 1)]
    return windows[:, :-1], windows[:, 1:]


def adamwprune(model: nn.Module, steps: int) -> AdamWPrune:
    """Return an optimizer that prunes to 70 % within three quarters of the steps."""
    ramp = {"warmup_steps": steps // 10, "ramp_end_step": 3 * steps // 4, "frequency": 10}
    return AdamWPrune(model, lr=RATE, weight_decay=0.1, target_sparsity=0.7, **ramp)


def apoptosis(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> Manager:
    """Return a manager that replaces 5 % of the hidden neurons of each block six times."""
    pairs = [("blocks.*.mlp.c_fc", "blocks.*.mlp.c_proj")]
    pace = {"apoptosis_interval": max(1, steps // 6), "preservation_steps": min(10, steps // 12)}
    return Manager(model, pairs=pairs, prune_rate=0.05, optimizer=optimizer, **pace)


def rigl(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> RigL:
    """Return RigL at a density of 30 %."""
    every = max(1, steps // 15)
    return RigL(model, optimizer, density=0.3, total_steps=steps, frequency=every)


METHODS = {"rigl": rigl, "apoptosis": apoptosis}


def mean_loss(model: nn.Module, data: Tensor, batches: int) -> float:
    """Return the mean loss of random batches."""
    model.eval()
    with torch.no_grad():
        pairs = [batch(data) for _ in range(batches)]
        losses = [F.cross_entropy(model(x).flatten(0, 1), y.flatten()) for x, y in pairs]
    return float(sum(losses) / len(losses))


def read() -> tuple[Tensor, int]:
    """Return Python's documentation as places of its symbols (n,), and how many symbols it has."""
    text = "".join(pydoc_data.topics.topics.values())
    places = {symbol: place for place, symbol in enumerate(sorted(set(text)))}
    return torch.tensor([places[symbol] for symbol in text]), len(places)


def train(args: argparse.Namespace, model: nn.Module, data: Tensor) -> None:
    """Train `model` with a method, and print losses, sparsity and events."""
    steps = args.steps
    if args.method == "adamwprune":
        optimizer: torch.optim.Optimizer = adamwprune(model, steps)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.1)
    build = METHODS.get(args.method)
    method = build(model, optimizer, steps) if build else None
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.55 + 0.45 * math.cos(math.pi * step / steps)
    )
    forward = torch.compile(model) if args.compile else model
    for step in range(1, steps + 1):
        x, y = batch(data)
        loss = F.cross_entropy(forward(x).flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if method is not None:
            method.step()
        schedule.step()
        optimizer.zero_grad()
        if step % max(1, steps // 6) == 0:
            zeros = sum(int((p == 0).sum()) for p in model.parameters() if p.ndim > 1)
            print(f"step {step:5d}  loss {loss.item():.3f}  weights at 0: {zeros:,}")
    if isinstance(method, RigL):
        print(dict(method.measures()))
    if isinstance(method, Manager):
        print(*method.apoptosis_events, sep="\n")


def main() -> None:
    """Train, and print the loss on text that was held out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=("none", "adamwprune", *METHODS), default="none")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(0)
    data, symbols = read()
    model, cut, started = GPT(symbols), 9 * len(data) // 10, time.perf_counter()
    train(args, model, data[:cut])
    seconds = time.perf_counter() - started
    print(f"{args.method}: held-out loss {mean_loss(model, data[cut:], 20):.3f}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
