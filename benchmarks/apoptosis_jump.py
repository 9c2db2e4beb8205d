"""How far one event moves the evaluation loss: every strategy on the same network at the same step.

    python benchmarks/apoptosis_jump.py [--size small|seeds] [--seeds 3] [--steps 2000]

Trains a character transformer on prose in a plain loop, with AdamW. At every 500th step copies of
the network and its optimizer are made, and each copy goes through one event at 10 % (5 % births and
deaths for the hybrid), led by the last batch as in anybody's loop. A figure is the loss on held-out
text right after the event minus that of the undisturbed copy. Strategies whose events take 50
steps are trained on for 51 and compared with an undisturbed copy trained on the same batches.
`births` is the largest change of a logit when 20 neurons are born into one layer, of any layer.

`--size seeds` is the model of the earlier experiments (6 layers, width 128, inner layers of 512,
context 128, batches of 64): 1.2 million parameters, about 0.7 s a step on one core.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import measuring
import torch
from measuring import Figure
from torch import Tensor, nn
from torch.nn import functional as F

import espalier
from espalier.core.samples import TokenShape
from espalier.datasets.text import Text
from espalier.models.charlm import CharLM
from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.resize import widen

EVERY, FADE, HELD_OUT = 500, 50, 128  # steps, steps, windows
SIZES = {
    "small": (CharLM(width=64, layers=2, inner=256), 64, 32, 1e-3),
    "seeds": (CharLM(), 128, 64, 3e-4),
}
LAYERS = ["blocks.0.ffn.0", ...]


@dataclass
class State:
    """A network with its optimizer, and the batches it will see."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    train: Tensor  # windows (n, context + 1)
    held_out: Tensor
    batch: int
    random: torch.Generator

    def step(self, after: Callable[[], object] = lambda: None) -> None:
        """One update."""
        chosen = torch.randint(len(self.train), (self.batch,), generator=self.random)
        x = self.train[chosen]
        self.optimizer.zero_grad()
        torch.autograd.backward(loss(self.model, x))
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        after()

    def evaluated(self) -> float:
        """Mean loss on the held-out text, in nats a character."""
        self.model.eval()
        with torch.no_grad():
            value = float(loss(self.model, self.held_out))
        self.model.train()
        return value

    def twin(self) -> State:
        """A copy that will see the same batches."""
        memo: dict[int, Any] = {id(self.train): self.train, id(self.held_out): self.held_out}
        random = torch.Generator()
        random.set_state(self.random.get_state())
        memo[id(self.random)] = random
        return copy.deepcopy(self, memo)


def loss(model: nn.Module, windows: Tensor) -> Tensor:
    """Cross-entropy of each next character."""
    logits = model(windows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def started(size: str, seed: int) -> State:
    """Fresh."""
    spec, context, batch, rate = SIZES[size]
    raw = Text(context=context).load(Path(), False)
    windows, held_out = (
        part.unfold(0, context + 1, context) for part in (raw.train, raw.test[: 10**9])
    )
    torch.manual_seed(seed)
    model = spec.build(TokenShape(len(raw.symbols), context))
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    random = torch.Generator().manual_seed(seed)
    return State(model, optimizer, windows, held_out[:HELD_OUT], batch, random)


@dataclass(frozen=True)
class Strategy:
    """A manager's class, its arguments, and how long its event takes after it has begun."""

    cls: str
    options: dict[str, Any] = field(default_factory=dict)
    steps: int = 0


def strategies() -> dict[str, Strategy]:
    """By the names of the table."""
    preserved = {"preservation_steps": 0}
    births = ("fresh", "split", "signed", "gradmax")
    return {
        "standard": Strategy("NeuronApoptosisManager"),
        "functional, at once": Strategy("FunctionalPreservationApoptosis", preserved),
        **{
            f"functional, at once, {kind}": Strategy(
                "FunctionalPreservationApoptosis", {**preserved, "birth": kind}
            )
            for kind in births
        },
        "functional, 50 steps": Strategy("FunctionalPreservationApoptosis", {}, FADE),
        "gradual fade, 50 steps": Strategy("GradualFadeApoptosis", {}, FADE),
        "turnover": Strategy("ContinuousTurnoverApoptosis", {"prune_rate": 0.1}),
        "hybrid": Strategy("HybridGrowthAndDeath"),
        "crossover": Strategy("CrossoverApoptosis"),
        "orthogonal": Strategy("OrthogonalApoptosis"),
        "distillation": Strategy("DistillationApoptosis"),
        "growth": Strategy("GrowthOnlyManager"),
    }


def jump(state: State, strategy: Strategy) -> float:
    """By how much the loss is higher for the event; `state` is one step before it."""
    calm, struck = state.twin(), state.twin()
    interval = {"HybridGrowthAndDeath": "interval", "GrowthOnlyManager": "growth_interval"}
    pace = {interval.get(strategy.cls, "apoptosis_interval"): EVERY}
    manager = getattr(espalier, strategy.cls)(
        struck.model, LAYERS, optimizer=struck.optimizer, **pace, **strategy.options
    )
    arrive(manager)
    for _ in range(strategy.steps + 1):
        calm.step()
        struck.step(manager.step)
    return struck.evaluated() - calm.evaluated()


def arrive(manager: Any) -> None:
    """Let the coming step be one with an event."""
    manager.load_state_dict({**manager.state_dict(), "step": EVERY - 1})


def births(state: State) -> dict[str, float]:
    """The largest change of a logit at births into free places, by their kind."""
    ways: dict[str, Callable[[EditContext, Tensor], object]] = {
        "fresh": lambda site, slots: birth.fresh(site, slots, torch.Generator()),
        "split": lambda site, slots: birth.split(site, slots, slots - 40, torch.Generator()),
        "signed": lambda site, slots: birth.signed(site, slots, torch.Generator()),
        "none, only another order": reorder,
    }
    pairs = range(len(find_pairs(state.model)))
    return {name: max(changed(state, way, pair) for pair in pairs) for name, way in ways.items()}


def reorder(site: EditContext, _slots: Tensor) -> None:
    """The neurons in another order: what rounding alone does."""
    order = torch.randperm(site.pair.size, generator=torch.Generator().manual_seed(0))
    producer, consumer = site.pair.producer, site.pair.consumer
    for parameter in (producer.weight, producer.bias):
        assert parameter is not None
        parameter.copy_(parameter[order].clone())
    consumer.weight.copy_(consumer.weight[:, order].clone())


def changed(state: State, way: Callable[[EditContext, Tensor], object], place: int) -> float:
    """The largest change of a logit at births in one layer of a copy."""
    twin = state.twin()
    twin.model.eval()
    x, site = twin.held_out[:, :-1], EditContext(find_pairs(twin.model)[place], twin.optimizer)
    with torch.no_grad():
        before = twin.model(x)
        way(site, widen(site, 20))
        return float((twin.model(x) - before).abs().max())


def measured(size: str, seed: int, steps: int) -> Iterator[tuple[str, float]]:
    """Name of a strategy and a jump, for all at every 500th step."""
    state = started(size, seed)
    for step in range(1, steps + 1):
        if step % EVERY == 0:
            for name, strategy in strategies().items():
                yield name, jump(state, strategy)
            for name, change in births(state).items():
                yield f"births: {name}, largest change of a logit", change
        state.step()
        if step % EVERY == 0:
            measuring.say(f"seed {seed}, step {step}: loss {state.evaluated():.3f}")


def main() -> None:
    """Print the jumps."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=2000, help="(default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    by_name: dict[str, list[float]] = {}
    for seed in range(1, args.seeds + 1):
        for name, value in measured(args.size, seed, args.steps):
            by_name.setdefault(name, []).append(value)
    base = statistics.median(by_name["standard"])
    figures = [
        Figure(name, values, "nats" if "births" not in name else "")
        for name, values in by_name.items()
    ]
    ratios = [
        Figure(f"standard / {name}", [base / max(abs(statistics.median(values)), 1e-9)], "x")
        for name, values in by_name.items()
        if name.startswith("functional, at once") and "births" not in name
    ]
    tried = (
        f"{args.seeds} seeds, an event at every {EVERY}th of {args.steps} steps, {args.size} model"
    )
    measuring.tell(args, figures + ratios, [tried])


if __name__ == "__main__":
    main()
