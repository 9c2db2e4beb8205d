"""Layers of LeNet-5 and of the char transformer that are widened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from espalier.core.contracts import Method, Run
from espalier.core.samples import SampleShape, Split, TokenShape
from espalier.methods.widening.firefly import Firefly
from espalier.methods.widening.gradmax_neurons import GradMaxNeurons
from espalier.methods.widening.net2net import Net2Net
from espalier.methods.widening.random_neurons import RandomNeurons
from espalier.methods.widening.widening_schedule import WideningSchedule
from espalier.models.charlm import CharLM
from espalier.models.lenet5 import LeNet5
from espalier.optimizers.adamw import AdamW
from espalier.train.engine.losses import mean_losses

PLAN = WideningSchedule(start=0.25, events=3, stop=0.25)
ARMS: dict[str, Method[Any]] = {
    "net2net": Net2Net(PLAN),
    "random_neurons": RandomNeurons(PLAN),
    "gradmax_neurons": GradMaxNeurons(PLAN, batches=1),
    "firefly": Firefly(PLAN, steps=1, epsilon=0.0),
}
VOCABULARY, CONTEXT, SAMPLES, BATCH = 7, 6, 24, 8
EPOCHS = 24  # 72 updates, events after 6, 12 and 18


def lenet5() -> tuple[nn.Module, Split]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(SAMPLES, 1, 16, 16, generator=generator, dtype=torch.float64)
    y = torch.randint(4, (SAMPLES,), generator=generator)
    return LeNet5().build(SampleShape(1, 16, 16, 4)).double(), Split(x, y)


def charlm() -> tuple[nn.Module, Split]:
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(VOCABULARY, (SAMPLES, CONTEXT + 1), generator=generator)
    spec = CharLM(width=8, layers=2, heads=2, inner=16, dropout=0.0)
    model = spec.build(TokenShape(VOCABULARY, CONTEXT)).double()
    return model, Split(text[:, :-1], text[:, 1:])


MODELS: dict[str, Callable[[], tuple[nn.Module, Split]]] = {"lenet5": lenet5, "charlm": charlm}
FULL = {"lenet5": (6, 16, 120, 84), "charlm": (16, 16)}
FIRST = {"lenet5": (2, 4, 30, 21), "charlm": (4, 4)}  # a quarter, 1.5 rounded to 2


def run_of(model: str, arm: str) -> Run[Any]:
    torch.manual_seed(3)
    net, data = MODELS[model]()
    random = {"method": torch.Generator().manual_seed(0)}
    run = Run(net, AdamW().build(net, 0.01), ARMS[arm], data, data, EPOCHS, BATCH, random)
    run.attach()
    return run


def train(run: Run[Any], steps: int) -> Run[Any]:
    for _ in range(steps):
        run.optimizer.zero_grad()
        start = run.step * BATCH % SAMPLES
        x, y = run.train.x[start : start + BATCH], run.train.y[start : start + BATCH]
        mean_losses(run.model(x), y, 1)[0].backward()
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
        run.method.check(run)
    return run


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("model", MODELS)
def test_layers_reach_their_widths_and_births_keep_the_logits(model: str, arm: str) -> None:
    run = run_of(model, arm)
    assert tuple(run.method_state.sizes) == FIRST[model]
    halfway = tuple(a + (b - a) // 3 for a, b in zip(FIRST[model], FULL[model], strict=True))
    assert tuple(train(run, 6).method_state.sizes) == halfway
    measures = train(run, 12).method.measures(run)
    assert tuple(run.method_state.sizes) == FULL[model]
    whole = sum(p.numel() for p in MODELS[model]()[0].parameters())
    assert measures["live_parameters"] == whole
    assert measures["birth_difference"] < 1e-9
    assert measures["growth_events"] == 3


@pytest.mark.parametrize("model", MODELS)
def test_every_newborn_is_trained(model: str) -> None:
    """Nothing that came is what it was once updates have followed."""
    run = train(run_of(model, "random_neurons"), 18)
    before = [site.pair.outgoing().clone() for site in run.method_state.sites]
    train(run, 3)
    for site, old, first in zip(run.method_state.sites, before, FIRST[model], strict=True):
        moved = (site.pair.outgoing() != old).any(1)
        assert moved[first:].float().mean() > 0.5  # a ReLU may be silent on all samples


@pytest.mark.parametrize("arm", ["gradmax_neurons", "firefly"])
def test_passes_are_paid_for_on_the_char_transformer(arm: str) -> None:
    runs = run_of("charlm", arm), run_of("charlm", "random_neurons")
    costs = [r.method_state.costs.total(r.total_steps, r.method_state.events) for r in runs]
    assert costs[0] <= costs[1]
