"""Which runs may share a pack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import packing
import pytest
import torch
from torch import Tensor, nn

from espalier.methods.none import NoPruning
from espalier.train.engine.trainer import Trainer
from espalier.train.packs.pack_compatibility import group_by_structure, same_structure, why_alone

Build = Callable[[], nn.Module]
VALUES = packing.varied({"OPTIMIZER": "sgd", "PRUNING_METHOD": "none"}, 0)
DATA = packing.split(4)


def of(build: Build, data: Any = DATA) -> Trainer:
    return packing.trainer(VALUES, build, data)


def net(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), *parts, nn.Linear(8, 4))


class Holding(nn.Module):
    """Something kept as a plain attribute."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return x


class Pair(nn.Module):
    """Two layers that may have a weight, or all of themselves, in common."""

    def __init__(self, share: str) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)
        self.third = nn.Linear(16, 16)
        if share == "a layer":
            self.second = self.first
        elif share:
            getattr(self, share).weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.first(x.flatten(1))))


def tracking(momentum: float) -> nn.Module:
    return nn.BatchNorm1d(8, momentum=momentum)


PAIRS: dict[str, tuple[Build, Build]] = {
    "width": (packing.mlp, lambda: packing.mlp(13)),
    "depth": (lambda: net(nn.ReLU()), lambda: net(nn.ReLU(), nn.ReLU())),
    "kind of layer": (lambda: net(nn.ReLU()), lambda: net(nn.GELU())),
    "slope": (lambda: net(nn.LeakyReLU(0.1)), lambda: net(nn.LeakyReLU(0.2))),
    "dropout": (lambda: net(nn.Dropout(0.1)), lambda: net(nn.Dropout(0.2))),
    "momentum": (lambda: net(tracking(0.1)), lambda: net(tracking(0.2))),
    "buffers": (
        lambda: net(nn.BatchNorm1d(8)),
        lambda: net(nn.BatchNorm1d(8, track_running_stats=False)),
    ),
    "bias": (lambda: net(nn.Linear(8, 8)), lambda: net(nn.Linear(8, 8, bias=False))),
    "what is trained": (
        lambda: net(nn.Linear(8, 8)),
        lambda: net(nn.Linear(8, 8).requires_grad_(False)),
    ),
    "names": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 4)),
        lambda: nn.ModuleDict({"a": nn.Flatten(), "1": nn.Linear(16, 4)}),
    ),
    "a plain number": (lambda: net(Holding(1)), lambda: net(Holding(2))),
    "a tensor kept as an attribute": (
        lambda: net(Holding(torch.ones(2))),
        lambda: net(Holding(torch.ones(2))),
    ),
    "tensors in a list": (
        lambda: net(Holding([torch.ones(2)])),
        lambda: net(Holding([torch.ones(2)])),
    ),
    "arrays": (lambda: net(Holding(np.ones(2))), lambda: net(Holding(np.ones(2)))),
    "an object of unknown meaning": (
        lambda: net(Holding(object())),
        lambda: net(Holding(object())),
    ),
    "a function made anew": (
        lambda: net(Holding(lambda x: x)),
        lambda: net(Holding(lambda x: x)),
    ),
    "a tied weight": (lambda: Pair(""), lambda: Pair("second")),
    "what it is tied to": (lambda: Pair("second"), lambda: Pair("third")),
    "a shared layer": (lambda: Pair("second"), lambda: Pair("a layer")),
}


@pytest.mark.parametrize("difference", PAIRS)
def test_models_that_differ_are_not_alike(difference: str) -> None:
    a, b = (of(build) for build in PAIRS[difference])
    assert not same_structure(a, b)
    assert group_by_structure([a, b]) == [[0], [1]]


@pytest.mark.parametrize(
    "build",
    [
        packing.mlp,
        packing.dropping,
        lambda: net(Holding(3), nn.LeakyReLU(0.3)),
        lambda: net(Holding(nn.functional.relu)),
        lambda: Pair("second"),
        lambda: Pair("a layer"),
    ],
)
def test_models_built_alike_are_alike_whatever_their_weights(build: Build) -> None:
    a, b = of(build), of(build)
    with torch.no_grad():
        for parameter in b.run.model.parameters():
            parameter.zero_()
    assert same_structure(a, b)
    assert group_by_structure([a, b]) == [[0, 1]]


def test_number_formats_must_be_the_same() -> None:
    a, b = of(packing.mlp), of(packing.mlp)
    b.run.model.float()
    assert not same_structure(a, b)


def test_data_batches_format_and_threads_must_be_the_same() -> None:
    trainer = of(packing.mlp)
    others = [
        of(packing.mlp, replace(DATA)),
        replace(trainer, run=replace(trainer.run, batch_size=5)),
        replace(trainer, recipe=replace(trainer.recipe, amp="bf16")),
        replace(trainer, recipe=replace(trainer.recipe, cpu_threads=2)),
    ]
    assert not any(same_structure(trainer, other) for other in others)


def test_all_else_may_differ() -> None:
    trainer = of(packing.mlp)
    recipe = replace(trainer.recipe, epochs=3, seed=9, learning_rate=0.5, grad_clip_norm=1.0)
    assert same_structure(trainer, replace(trainer, recipe=recipe, debug_checks=False))


@dataclass(frozen=True)
class Growing(NoPruning):
    packable: ClassVar[bool] = False


def hooked(register: Callable[[nn.Module], Any]) -> Trainer:
    trainer = of(packing.mlp)
    register(trainer.run.model)
    return trainer


HOOKS: dict[str, Callable[[nn.Module], Any]] = {
    "forward": lambda m: m[1].register_forward_hook(lambda *_: None),
    "before forward": lambda m: m[1].register_forward_pre_hook(lambda *_: None),
    "backward": lambda m: m[1].register_full_backward_hook(lambda *_: None),
    "of a parameter": lambda m: m[1].weight.register_hook(lambda grad: None),
    "after a gradient": lambda m: m[1].weight.register_post_accumulate_grad_hook(lambda p: None),
    "of a ReLU": lambda m: m[2].register_forward_hook(lambda *_: None),
    "of the chain": lambda m: m.register_forward_hook(lambda *_: None),
    "parametrization": lambda m: nn.utils.parametrizations.weight_norm(m[1]),
}


@pytest.mark.parametrize("kind", HOOKS)
def test_models_with_hooks_are_trained_alone(kind: str) -> None:
    trainers = [hooked(HOOKS[kind]), hooked(HOOKS[kind])]
    assert why_alone(trainers[0]) == "the model has hooks"
    assert group_by_structure(trainers) == [[0], [1]]


def test_hooks_of_all_modules_are_hooks_of_the_model() -> None:
    trainer = of(packing.mlp)
    hook = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert why_alone(trainer) == "the model has hooks"
    finally:
        hook.remove()
    assert why_alone(trainer) == ""


def test_what_else_is_trained_alone() -> None:
    plain = of(packing.mlp)
    compiled = replace(plain, recipe=replace(plain.recipe, compile=True))
    halved = replace(plain, recipe=replace(plain.recipe, amp="fp16"))
    growing = replace(plain, run=replace(plain.run, method=Growing()))
    assert why_alone(plain) == ""
    assert "compiled" in why_alone(compiled)
    assert "float16" in why_alone(halved)
    assert "Growing" in why_alone(growing)
    assert group_by_structure([compiled, compiled, plain, growing, plain]) == [
        [0],
        [1],
        [2, 4],
        [3],
    ]


def test_an_optimizer_may_say_why_its_runs_are_alone() -> None:
    values = packing.varied({"OPTIMIZER": "soap", "PRUNING_METHOD": "none"}, 0)
    assert why_alone(packing.trainer(values, packing.mlp)).startswith("rounding decides the bases")


def test_groups_keep_the_order_of_their_first() -> None:
    small, large = of(packing.mlp), of(lambda: packing.mlp(13))
    assert group_by_structure([large, small, large, small, small]) == [[0, 2], [1, 3, 4]]
    assert group_by_structure([]) == []
