"""How long an event of each apoptosis strategy takes, in the loop of one feed-forward net.

    python benchmarks/apoptosis_events.py [--rounds 30]

One pair of layers, 128-512-128 with GELU and a residual path as in a transformer's block, trained
by AdamW on one CPU thread; 10 % of its neurons are replaced at each event. What is timed is the
manager's `step()` that brings the event, after the optimizer's: looking, judging, death, birth,
optimizer state. ReDo replaces whatever is dormant then, which may be nothing. Two sizes of batch:
2,048 tokens, and 64 windows of 128. Hooks that look on during the passes before are not in it; they
keep references only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import measuring
import torch
from measuring import Figure
from torch import Tensor, nn

import espalier
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager

LIMIT = 20  # ms for one event
EVERY = 2  # steps between events: in between, a step without one
BATCHES = {"2,048 tokens": (16, 128), "64 x 128 tokens": (64, 128)}
USUAL = {"prune_rate": 0.1, "apoptosis_interval": EVERY}
OWN = {  # at once, where an event can take its time
    "HybridGrowthAndDeath": {"turnover_rate": 0.1, "interval": EVERY},
    "GrowthOnlyManager": {"growth_rate": 0.1, "growth_interval": EVERY, "max_capacity": 1.1},
    "FunctionalPreservationApoptosis": USUAL | {"preservation_steps": 0},
    "GradualFadeApoptosis": USUAL | {"fade_steps": 0},
}
PUBLISHED = {  # as published: an event at each update, and of all that are dormant
    "ContinualBackprop": {"replacement_rate": 0.1, "maturity_threshold": 1},
    "ReDo": {"threshold": 0.1, "period": EVERY},
}


class Block(nn.Module):
    """x + ffn(x), normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.ffn = nn.Sequential(nn.Linear(128, 512), nn.GELU(), nn.Linear(512, 128))
        self.norm = nn.LayerNorm(128)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x + self.ffn(x))
        return y


def strategies() -> Iterator[tuple[str, type[ApoptosisManager]]]:
    """Every strategy over neurons that there is."""
    for name in espalier.__all__:
        kind = getattr(espalier, name)
        if isinstance(kind, type) and issubclass(kind, ApoptosisManager):
            yield name, kind


def events(kind: type[ApoptosisManager], shape: tuple[int, int], rounds: int) -> list[float]:
    """Milliseconds of `rounds` events; one before them warms up and is not counted."""
    torch.manual_seed(0)
    name = kind.__name__
    options = PUBLISHED.get(name) or OWN.get(name, USUAL) | {"maturity": 0}
    elapsed: list[float] = []
    once = "max_capacity" in options  # grows no further after one event: a new block for each
    model, optimizer, manager = begun(kind, options)
    while len(elapsed) < rounds + 1:
        if once:
            model, optimizer, manager = begun(kind, options)
        for _ in range(EVERY):
            spent, due = timed(model, optimizer, manager, shape), not manager.step_count % EVERY
            elapsed += [spent] if due else []
    return elapsed[1:]


def begun(
    kind: type[ApoptosisManager], options: dict[str, float]
) -> tuple[nn.Module, torch.optim.Optimizer, ApoptosisManager]:
    """A block, its optimizer, and a strategy."""
    model = Block()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return model, optimizer, kind(model, optimizer=optimizer, **options)  # type: ignore[arg-type]


def timed(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    manager: ApoptosisManager,
    shape: tuple[int, int],
) -> float:
    """Milliseconds of the manager's part of one update."""
    x = torch.randn(*shape, 128)
    optimizer.zero_grad()
    (model(x) - x.roll(1, -1)).square().mean().backward()
    optimizer.step()
    start = time.perf_counter()
    manager.step()
    return (time.perf_counter() - start) * 1000


def main() -> None:
    args = measuring.parser(__doc__, 30).parse_args()
    torch.set_num_threads(1)
    figures = [
        Figure(f"{name}, {batch}", events(kind, shape, args.rounds), "ms", f"<= {LIMIT}")
        for name, kind in strategies()
        for batch, shape in BATCHES.items()
    ]
    measuring.tell(args, figures)


if __name__ == "__main__":
    main()
