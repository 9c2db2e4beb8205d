"""Layers of synapses take what torch's Linear takes, alone and in packs, and refuse the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.dendritic_layer import DendriteKind, DendriticLayer
from espalier.layers.dendrites.drop_linear import DropLinear
from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.folded import Stacked

INDEX = torch.tensor([[0, 2], [1, 3], [0, 3]])
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "somas bag": lambda: DendriticLayer(4, 3, 2, 2, kind=DendriteKind(backend="bag")),
    "somas scatter": lambda: DendriticLayer(4, 3, 2, 2, kind=DendriteKind(backend="scatter")),
    "dendrites": lambda: DendriticLayer(4, 3, 2, 2, soma=False),
    "synapses": lambda: Synapses(4, INDEX.clone()),
    "dropping": lambda: DropLinear(4, 3, 10, 8, every=2),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


def folded(layer: nn.Module, trials: int) -> nn.Module:
    """The twin of `layer` that serves so many trials with the same numbers."""
    tensors = [*layer.parameters(), *layer.buffers()]
    stacks = {id(tensor): torch.stack([tensor.detach()] * trials) for tensor in tensors}
    twin: nn.Module = layer.folded(Stacked(trials, stacks, []))
    return twin


@each_layer
@pytest.mark.parametrize("shape", [(), (1,), (0,), (5,), (2, 3), (2, 0), (2, 3, 5)], ids=str)
def test_leading_dimensions_are_kept_as_linear_keeps_them(
    name: str, shape: tuple[int, ...]
) -> None:
    layer, x = LAYERS[name](), torch.randn(*shape, 4)
    rows = [layer(row.unsqueeze(0)) for row in x.reshape(-1, 4)]
    outputs = layer(torch.zeros(1, 4)).shape[1]
    expected = torch.cat([*rows, torch.empty(0, outputs)]).view(*shape, outputs)
    assert layer(x).shape == nn.Linear(4, outputs)(x).shape
    torch.testing.assert_close(layer(x), expected)


@each_layer
@pytest.mark.parametrize("shape", [(12,), (2, 12), (2, 3), (2, 1), (0, 5), (2, 4, 3)], ids=str)
def test_another_width_is_one_line_with_both_numbers(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"^expected 4 inputs, got {shape[-1]}: .*$"):
        LAYERS[name]()(torch.zeros(shape))


def test_a_single_number_is_no_input() -> None:
    with pytest.raises(ValueError, match=r"expected 4 inputs, got a single number"):
        LAYERS["synapses"]()(torch.tensor(1.0))


def test_complex_numbers_do_not_lose_a_part() -> None:
    with pytest.raises(TypeError, match=r"real numbers, not torch\.complex64"):
        LAYERS["somas bag"]()(torch.zeros(2, 4, dtype=torch.complex64))


@pytest.mark.parametrize("name", ["somas bag", "somas scatter", "dendrites", "synapses"])
def test_a_pack_takes_the_same_and_refuses_the_same(name: str) -> None:
    layer = LAYERS[name]()
    twin, x = folded(layer, 3), torch.randn(6, 5, 4)
    torch.testing.assert_close(twin(x), layer(x))
    for wrong in (torch.zeros(6, 12), torch.zeros(6, 5, 3)):
        with pytest.raises(ValueError, match=f"expected 4 inputs, got {wrong.shape[-1]}"):
            twin(wrong)
    for wrong in (torch.zeros(4, 4), torch.zeros(4)):
        with pytest.raises(ValueError, match="expected samples of 3 trials"):
            twin(wrong)


def test_gradients_go_through_other_shapes() -> None:
    layer, x = LAYERS["somas bag"](), torch.randn(2, 3, 4, requires_grad=True)
    (direct,) = torch.autograd.grad(layer(x).square().sum(), x)
    rows = x.detach().reshape(6, 4).requires_grad_()
    (by_rows,) = torch.autograd.grad(layer(rows).square().sum(), rows)
    torch.testing.assert_close(direct, by_rows.view(2, 3, 4))


@pytest.mark.parametrize(
    "make, rule",
    [
        (lambda: DendriticLayer(4.0, 3, 2, 2), "inputs=4.0: must be a whole number"),
        (lambda: DendriticLayer(4, 3, True, 2), "dendrites=True: must be a whole number"),
        (lambda: DendriticLayer(4, 3, 2, 2, "no"), "soma must be True or False"),
        (lambda: DendriticLayer(4, 3, 2, 5), "fan_in=5, inputs=4"),
        (lambda: DendriteKind("gelu"), "activation='gelu': must be one of leaky_relu"),
        (lambda: DendriteKind(init="none"), "init='none': must be one of full, live"),
        (lambda: DendriteKind(wiring="random"), "wiring='random': must be a function"),
        (lambda: DendriticLayer(4, 3, 2, 2, kind=DendriteKind(backend="fast")), "backend='fast'"),
        (lambda: Synapses(0, INDEX), "inputs=0"),
        (lambda: Synapses(3, INDEX), r"must be in 0\.\.2, not 0\.\.3"),
        (lambda: Synapses(4, INDEX - 1), r"must be in 0\.\.3, not -1\.\.2"),
        (lambda: Synapses(4, torch.tensor([[1, 1]])), "must be different"),
        (lambda: Synapses(4, INDEX.int()), "must be int64"),
        (lambda: Synapses(4, INDEX[0]), r"must be \(units, fan_in\)"),
        (lambda: wiring.Local((8, 8)), "channels, height and width"),
        (lambda: wiring.Local((1, 8, 8), float("nan")), "spread=nan"),
        (lambda: DropLinear(0, 3, 10, 8), "in_features=0"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(make: Callable[[], Any], rule: str) -> None:
    with pytest.raises((TypeError, ValueError), match=rule) as error:
        make()
    assert "\n" not in str(error.value)


def test_a_wiring_of_another_size_is_refused() -> None:
    def short(units: int, inputs: int, fan_in: int, generator: Any = None) -> Tensor:
        return wiring.random(units, inputs, fan_in - 1, generator)

    with pytest.raises(ValueError, match=r"must give \(6, 2\), not \(6, 1\)"):
        DendriticLayer(4, 3, 2, 2, kind=DendriteKind(wiring=short))
