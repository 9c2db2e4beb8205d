"""Every strategy over neurons that there is, small networks for them, and a loop."""

from __future__ import annotations

import inspect
from typing import Any

import surgery_bodies
import torch
from torch import Tensor, nn

import espalier
from espalier.core.samples import TokenShape
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.neurons.activation_hooks import NeuronObservation, observe
from espalier.models.charlm import CharLM
from espalier.surgery.pairing.pairs import find_pairs

RATES = ("prune_rate", "turnover_rate", "growth_rate", "replacement_rate")
INTERVALS = ("apoptosis_interval", "interval", "growth_interval", "period")
MATURITIES = ("maturity_threshold",)
THRESHOLDS = ("threshold",)
DURATIONS = ("preservation_steps", "fade_steps")


def strategies() -> list[type[ApoptosisManager]]:
    """All classes of `espalier` that are strategies over neurons."""
    public = [getattr(espalier, name) for name in espalier.__all__]
    return [
        kind for kind in public if isinstance(kind, type) and issubclass(kind, ApoptosisManager)
    ]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def charlm() -> tuple[nn.Module, Tensor]:
    shape = TokenShape(vocabulary=9, context=8)
    model = CharLM(width=16, layers=2, heads=2, inner=32).build(shape)
    return model, torch.randint(9, (16, 8))


BODIES = [surgery_bodies.mlp, surgery_bodies.lenet, charlm, surgery_bodies.conv]


def named(kind: type, *names: str) -> str | None:
    """Which of these arguments a strategy has."""
    both = (kind, getattr(kind, "build", kind))
    accepted = {name for each in both for name in inspect.signature(each).parameters}
    return next((name for name in names if name in accepted), None)


def quick(kind: type, rate: float = 0.2, interval: int = 6, duration: int = 2) -> dict[str, Any]:
    """Arguments for events that come soon."""
    settings = {RATES: rate, INTERVALS: interval, DURATIONS: duration}
    settings |= {MATURITIES: 3, THRESHOLDS: 0.9}
    given = {named(kind, *names): value for names, value in settings.items()}
    given = {name: value for name, value in given.items() if name is not None}
    published = named(kind, *MATURITIES, *THRESHOLDS) is not None
    return given if published else given | {"maturity": 3}


def observations(body: Any) -> list[tuple[nn.Module, Tensor, NeuronObservation]]:
    """A trained network with its inputs, and what each of its pairs does on them."""
    model, x, _ = surgery_bodies.trained(body)
    pairs = find_pairs(model)
    seen = observe(pairs, model, lambda out, y: out.mean(), (x, x))
    return [(model, x, observation) for observation in seen]


class Training:
    """A strategy in a plain loop: AdamW on one batch."""

    def __init__(self, kind: type[ApoptosisManager], body: Any, **options: Any) -> None:
        torch.manual_seed(0)
        self.model, self.x = body()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-3)
        options = quick(kind) | {"optimizer": self.optimizer} | options
        self.manager = kind(self.model, **options)

    def update(self) -> None:
        self.model.train()
        self.optimizer.zero_grad()
        out = self.model(self.x)
        (out.square().mean() - out.flatten(0, -2)[:, 0].mean()).backward()
        self.optimizer.step()

    def go(self, steps: int) -> Training:
        for _ in range(steps):
            self.update()
            self.manager.step()
        return self

    def state(self) -> dict[str, Any]:
        parts = {"manager": self.manager, "model": self.model, "optimizer": self.optimizer}
        return {name: part.state_dict() for name, part in parts.items()}

    def load(self, state: dict[str, Any]) -> None:
        self.manager.load_state_dict(state["manager"])  # first: layers may have to grow
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])

    def logits(self) -> Tensor:
        return surgery_bodies.logits(self.model, self.x)
