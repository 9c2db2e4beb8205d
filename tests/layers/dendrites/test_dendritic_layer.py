"""Neurons with dendrites: numbers by hand, against plain torch, and how many there are."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.dendritic_layer import DendriteKind, DendriticLayer
from espalier.layers.dendrites.kernels import Backend
from espalier.layers.dendrites.nonlinear import NONLINEARITIES, Activation

BACKENDS: tuple[Backend, ...] = get_args(Backend)
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


def count(layer: DendriticLayer) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())


def reference(layer: DendriticLayer, x: Tensor, activation: Activation) -> Tensor:
    """By the formulas, with a loop over units."""
    functions = {"linear": lambda z: z, "relu": F.relu, "elu": F.elu, "tanh": torch.tanh}
    of = functions.get(activation, lambda z: torch.where(z < 0, 0.1 * z, z))
    synapses = layer.synapses
    rows = zip(synapses.index, synapses.weight, synapses.bias, strict=True)
    h = torch.stack([of(x[:, index] @ weight + bias) for index, weight, bias in rows], 1)
    if layer.weight is None:
        return h
    neurons, dendrites = layer.weight.shape
    own = [h[:, n * dendrites : (n + 1) * dendrites] @ layer.weight[n] for n in range(neurons)]
    u = torch.stack(own, 1) + layer.bias
    return torch.where(u < 0, 0.1 * u, u)


def layer_of(soma: bool, kind: DendriteKind) -> DendriticLayer:
    torch.manual_seed(2)
    made = DendriticLayer(11, 4, 3, 5, soma, kind=kind).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made


def test_a_neuron_by_hand() -> None:
    layer = DendriticLayer(3, 1, 2, 2)
    layer.synapses.index.copy_(torch.tensor([[0, 1], [1, 2]]))
    with torch.no_grad():
        layer.synapses.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, -1.0]]))
        layer.synapses.bias.copy_(torch.tensor([0.5, 0.0]))
        layer.weight.copy_(torch.tensor([[2.0, -3.0]]))
        layer.bias.fill_(1.0)
    # dendrites: 1 + 4 + 0.5 = 5.5 and 6 - 10 = -4, which leaks to -0.4; 11 + 1.2 + 1 = 13.2
    # -1.5 - 4 + 0.5 = -5, which leaks to -0.5, and -6 + 2 = -4: -1 + 1.2 - 2 = -1.8, and -0.18
    x = torch.tensor([[1.0, 2.0, 10.0], [-1.5, -2.0, -2.0]])
    assert layer(x[:1]).flatten().tolist() == pytest.approx([13.2])
    with torch.no_grad():
        layer.bias.fill_(-2.0)
    assert layer(x[1:]).flatten().tolist() == pytest.approx([-0.18])


@pytest.mark.parametrize("soma", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_outputs_and_gradients_are_those_of_the_formulas(
    soma: bool, activation: Activation, backend: Backend
) -> None:
    layer = layer_of(soma, DendriteKind(activation, backend=backend))
    x = torch.randn(6, 11, dtype=torch.float64, requires_grad=True)
    given = [x, *layer.parameters()]
    weights = torch.randn(6, 4 if soma else 3, dtype=torch.float64)
    y, other = layer(x), reference(layer, x, activation)
    torch.testing.assert_close(y, other, rtol=0, atol=1e-10)
    ours = torch.autograd.grad((y * weights).sum(), given)
    theirs = torch.autograd.grad((other * weights).sum(), given)
    for gradient, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_differences(activation: Activation) -> None:
    layer = layer_of(True, DendriteKind(activation))
    x = torch.randn(3, 11, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_nonlinearity_tells_its_gradient_from_its_output(activation: Activation) -> None:
    z = torch.linspace(-2, 2, 8, dtype=torch.float64, requires_grad=True)
    h = NONLINEARITIES[activation].of(z)
    (expected,) = torch.autograd.grad((h * 3).sum(), z)
    gradient = NONLINEARITIES[activation].gradient(torch.full_like(z, 3.0), h.detach())
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("soma", [True, False])
def test_who_listens_to_the_synapses_hears_them_and_changes_nothing(soma: bool) -> None:
    layer, x = layer_of(soma, DendriteKind("tanh")), torch.randn(6, 11, dtype=torch.float64)
    plain, heard = layer(x), []
    handle = layer.synapses.register_forward_hook(lambda *seen: heard.append(seen))
    y = layer(x)
    (gradient,) = torch.autograd.grad(y.sum(), heard[0][2])
    handle.remove()
    torch.testing.assert_close(y, plain, rtol=0, atol=1e-14)
    assert heard[0][1][0] is x and gradient.shape == (6, layer.synapses.units)
    layer(x)
    assert len(heard) == 1


def test_counts_are_the_published_ones() -> None:
    assert count(DendriticLayer(784, 12, 6, 96)) + 12 * 10 + 10 == 7198
    assert count(DendriticLayer(784, 10, 16, 16)) == 10 * 16 * 16 + 2 * 160 + 10 == 2890
    assert count(DendriticLayer(784, 10, 2, 3)) == 110
    assert count(DendriticLayer(784, 9, 7, 5, soma=False)) == 7 * 5 + 7


@pytest.mark.parametrize("soma", [True, False])
def test_counts_follow_the_formula(soma: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        n, d, i = (int(torch.randint(1, 9, (), generator=generator)) for _ in range(3))
        units = n * d if soma else d
        expected = units * i + units + (units + n if soma else 0)
        assert count(DendriticLayer(8, n, d, i, soma)) == expected


@pytest.mark.parametrize(("init", "synapse", "soma"), [("full", 64, 2000), ("live", 4, 20)])
def test_fresh_weights_follow_the_fan_in(init: str, synapse: int, soma: int) -> None:
    torch.manual_seed(0)
    layer = DendriticLayer(64, 100, 20, 4, kind=DendriteKind(init=init))  # type: ignore[arg-type]
    assert layer.synapses.weight.std().item() == pytest.approx(math.sqrt(2 / synapse), rel=0.04)
    assert layer.weight is not None and layer.bias is not None
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / soma), rel=0.04)
    assert not layer.bias.any() and not layer.synapses.bias.any()


def test_dendrites_are_wired_as_asked() -> None:
    layer = DendriticLayer(6, 2, 2, 6, kind=DendriteKind(wiring=wiring.full))
    assert layer.synapses.index.tolist() == [list(range(6))] * 4
    torch.manual_seed(5)
    drawn = wiring.Local((1, 8, 8))(4, 64, 3)
    torch.manual_seed(5)
    local = DendriticLayer(64, 2, 2, 3, kind=DendriteKind(wiring=wiring.Local((1, 8, 8))))
    assert torch.equal(local.synapses.index, drawn)


@pytest.mark.parametrize("name", ["inputs", "neurons", "dendrites", "fan_in"])
def test_a_number_below_one_is_refused(name: str) -> None:
    sizes = {"inputs": 8, "neurons": 2, "dendrites": 2, "fan_in": 3, name: 0}
    with pytest.raises(ValueError, match=f"{name}=0: must be at least 1"):
        DendriticLayer(**sizes)


def test_more_synapses_than_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="fan_in=9, inputs=8"):
        DendriticLayer(8, 2, 2, 9)


def test_it_can_be_counted_without_memory() -> None:
    with torch.device("meta"):
        assert count(DendriticLayer(3072, 12, 6, 96)) == 12 * 6 * 98 + 12
