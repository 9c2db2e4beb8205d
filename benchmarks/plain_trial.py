"""A trial as a plain PyTorch script: the digits MLP, AdamW, pruned by the optimizer's state.

    python benchmarks/plain_trial.py --lr 0.001 --sparsity 0.7 --seed 1 [--epochs 20]

What a sweep is compared with: nothing of the harness, and nothing that would hold it up. The
samples are read once a process and stay in memory, batches are one index_select, the optimizer is
torch's fused AdamW (without AMSGrad, which AdamWPrune keeps), and masks are found with kthvalue.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH, TEST, VALIDATION = 32, 355, 216  # samples; 1,226 are left to train on
WARMUP, FREQUENCY, RAMP_END = 100, 50, 15 * 39  # steps


@functools.cache
def digits() -> tuple[Tensor, Tensor]:
    """Samples (1797, 64), labels (1797,); found without importing scikit-learn: that is slow."""
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.float32))
    order = torch.randperm(len(table), generator=torch.Generator().manual_seed(0))
    return table[order, :-1] / 16, table[order, -1].long()


def mask(weights: list[Tensor], optimizer: torch.optim.Optimizer, sparsity: float) -> list[Tensor]:
    """1 where a weight stays, 0 for the `sparsity` share with the smallest |w| v^(1/4)."""
    scores = [w.abs() * optimizer.state[w]["exp_avg_sq"].sqrt().sqrt() for w in weights]
    every = torch.cat([score.flatten() for score in scores])
    limit = every.kthvalue(max(1, int(sparsity * len(every)))).values
    return [(score > limit).float() for score in scores]


def train(lr: float, sparsity: float, seed: int, epochs: int = 20) -> dict[str, Any]:
    """Train one trial; its final measures."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y = digits()
    parts = [TEST, VALIDATION, len(y) - TEST - VALIDATION]
    (test_x, val_x, train_x), (test_y, val_y, train_y) = x.split(parts), y.split(parts)
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    weights: list[Tensor] = [p for p in model.parameters() if p.ndim > 1]
    optimizer = torch.optim.AdamW(model.parameters(), lr, fused=True)
    masks: list[Tensor] = []
    step, accuracy = 0, 0.0
    for _ in range(epochs):
        for chosen in torch.randperm(len(train_y)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(train_x[chosen]), train_y[chosen]).backward()
            optimizer.step()
            step += 1
            if WARMUP < step <= RAMP_END and (step - WARMUP) % FREQUENCY == 0 or step == RAMP_END:
                share = 1 - (1 - (step - WARMUP) / (RAMP_END - WARMUP)) ** 3
                masks = mask(weights, optimizer, sparsity * share)
            if masks:
                with torch.no_grad():
                    torch._foreach_mul_(weights, masks)
        accuracy = correct(model, val_x, val_y)
    zeros = sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)
    test = correct(model, test_x, test_y)
    return {"val_acc": accuracy, "test_acc": test, "sparsity": zeros, "steps": step}


@torch.no_grad()
def correct(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Percent."""
    return 100 * float((model(x).argmax(1) == y).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--sparsity", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    print(json.dumps(train(args.lr, args.sparsity, args.seed, args.epochs)))


if __name__ == "__main__":
    main()
