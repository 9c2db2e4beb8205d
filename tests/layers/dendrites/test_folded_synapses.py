"""Dendritic layers in packs: the same numbers as alone, whatever is written to their indices."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import packing
import pytest
import torch
from torch import nn

from espalier.core.contracts import Method, Run
from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.dendritic_layer import DendriticLayer, Kind
from espalier.layers.dendrites.folded_synapses import FoldedDendrites, FoldedNeurons, FoldedSynapses
from espalier.layers.dendrites.kernels import Backend
from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.folded import Mapped
from espalier.train.packs.pack import Pack

Build = Callable[[], nn.Module]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
WISHES = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "none"}


def simple(backend: Backend | None = None, soma: bool = True) -> nn.Module:
    layer = DendriticLayer(16, 5, 3, 4, soma, kind=Kind("tanh", backend=backend))
    return nn.Sequential(nn.Flatten(), layer, nn.Linear(5 if soma else 3, packing.CLASSES))


def bare(backend: Backend | None = None) -> nn.Module:
    """One layer of synapses behind another, which needs the gradient of its inputs."""
    first, second = (
        Synapses(i, wiring.random(u, i, 3), backend=backend) for i, u in [(16, 9), (9, 7)]
    )
    head = nn.Linear(7, packing.CLASSES)
    return nn.Sequential(nn.Flatten(), first, nn.LeakyReLU(0.1), second, nn.LeakyReLU(0.1), head)


BUILDS: dict[str, tuple[Callable[..., nn.Module], type[nn.Module]]] = {
    "somas": (simple, FoldedNeurons),
    "no somas": (functools.partial(simple, soma=False), FoldedDendrites),
    "synapses": (bare, FoldedSynapses),
}


def trainers(build: Build, method: Method | None = None) -> list[packing.Trainer]:
    made = []
    for k in range(3):
        values = packing.varied(WISHES, k, NUM_EPOCHS=str(8 - k))
        made.append(packing.trainer(values, build, packing.split(4)))
        if method is not None:
            made[-1].run.method = method
    return made


def assert_same_as_alone(build: Build, method: Method | None = None) -> None:
    alone = [packing.train([each])[0] for each in trainers(build, method)]
    for one, other in zip(packing.train(trainers(build, method)), alone, strict=True):
        packing.assert_same(one, other)


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("backend", [None, *BACKENDS])
def test_a_pack_gives_what_the_runs_give_alone(name: str, backend: Backend | None) -> None:
    build, _ = BUILDS[name]
    assert_same_as_alone(functools.partial(build, backend))


@pytest.mark.parametrize("name", BUILDS)
def test_the_layers_have_twins_of_their_own(name: str) -> None:
    build, twin = BUILDS[name]
    modules = {type(module) for module in Pack(trainers(build)).forward.modules()}
    assert twin in modules and Mapped not in modules


@dataclass(frozen=True)
class Rewired(Method):
    """Every 7 steps the first synapse of every unit moves to an input the unit does not have."""

    def after_step(self, run: Run) -> None:
        """Written in place, through what may be a view of a pack's stack."""
        if run.step % 7 == 0:
            for layer in (m for m in run.model.modules() if isinstance(m, Synapses)):
                free = torch.rand(layer.units, layer.inputs, generator=run.generators["method"])
                free.scatter_(1, layer.index, -1.0)
                layer.index[:, 0] = free.argmax(1)


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("backend", ["bag", "scatter"])
def test_indices_may_be_written_in_place_in_a_pack(name: str, backend: Backend) -> None:
    build, _ = BUILDS[name]
    assert_same_as_alone(functools.partial(build, backend), Rewired())


def test_the_trials_of_a_pack_have_wires_of_their_own() -> None:
    first, *others = (each.run.model for each in trainers(simple))
    assert all(not torch.equal(first[1].synapses.index, o[1].synapses.index) for o in others)


def test_frozen_synapses_stay_as_they_are() -> None:
    def frozen() -> nn.Module:
        made = simple()
        made[1].synapses.weight.requires_grad_(False)
        return made

    assert_same_as_alone(frozen)
