"""Sums over synapses, in each way they are computed, against a dense matrix with a mask."""

from __future__ import annotations

import copy
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.layers.dendrites import kernel_choice, kernels, wiring
from espalier.layers.dendrites.dense_kernel import to_dense
from espalier.layers.dendrites.kernels import Backend
from espalier.layers.dendrites.synapses import Synapses

BACKENDS: tuple[Backend, ...] = get_args(Backend)
SIZES = [(4, 9, 5, 3), (1, 1, 1, 1), (3, 6, 4, 6), (7, 20, 1, 19), (1, 8, 3, 2)]  # b, F, T, I


def layer(inputs: int, units: int, fan_in: int, backend: Backend | None = None) -> Synapses:
    torch.manual_seed(1)
    made = Synapses(inputs, wiring.random(units, inputs, fan_in), 1.0, backend)
    with torch.no_grad():
        made.bias.normal_()
    return made


def masked(made: Synapses, x: Tensor) -> tuple[Tensor, ...]:
    """What plain torch makes of a dense weight and a mask: outputs, and all three gradients."""
    weight = torch.zeros(made.units, made.inputs, dtype=x.dtype)
    mask = torch.zeros_like(weight)
    for unit in range(made.units):
        for place, entry in zip(made.index[unit], made.weight[unit].detach(), strict=True):
            weight[unit, place], mask[unit, place] = entry, 1
    x, weight = x.clone().requires_grad_(), weight.requires_grad_()
    bias = made.bias.detach().clone().requires_grad_()
    y = F.linear(x, weight * mask, bias)
    of_x, of_weight, of_bias = torch.autograd.grad(pulled(y), [x, weight, bias])
    assert torch.equal(of_weight, of_weight * mask)
    return y, of_x, of_weight.gather(1, made.index), of_bias


def ours(made: Synapses, x: Tensor) -> tuple[Tensor, ...]:
    x = x.clone().requires_grad_()
    y = made(x)
    return y, *torch.autograd.grad(pulled(y), [x, made.weight, made.bias])


def pulled(y: Tensor) -> Tensor:
    """A number whose gradient is different for every output."""
    return (y * torch.linspace(1, 2, y.numel(), dtype=y.dtype).view_as(y)).sum()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sum_by_hand(backend: Backend) -> None:
    made = Synapses(4, torch.tensor([[0, 3], [2, 1]]), backend=backend)
    with torch.no_grad():
        made.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        made.bias.copy_(torch.tensor([0.5, -1.0]))
    x = torch.tensor([[1.0, 10.0, 100.0, 1000.0], [0.0, 1.0, 0.0, -1.0]])
    assert made(x).tolist() == [[2001.5, 339.0], [-1.5, 3.0]]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("kind", "near"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_outputs_and_gradients_are_those_of_a_masked_matrix(
    backend: Backend, sizes: tuple[int, int, int, int], kind: torch.dtype, near: float
) -> None:
    samples, inputs, units, fan_in = sizes
    made = layer(inputs, units, fan_in, backend).to(kind)
    x = torch.randn(samples, inputs, dtype=kind)
    for mine, other in zip(ours(made, x), masked(made, x), strict=True):
        torch.testing.assert_close(mine, other, rtol=near, atol=near)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("trials", [1, 3])
def test_gradients_of_any_number_of_trials_are_those_of_differences(
    backend: Backend, trials: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    stacked = (trials,) if trials > 1 else ()
    index = torch.rand(*stacked, 3, 6, generator=generator).topk(2, -1).indices

    def number(*shape: int) -> Tensor:
        drawn = torch.randn(*shape, dtype=torch.float64, generator=generator)
        return drawn.requires_grad_()

    given = (number(trials * 2, 6), number(*stacked, 3, 2), number(*stacked, 3))
    assert torch.autograd.gradcheck(lambda *t: kernels.sums(backend, *t, index), given)


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_gradients_that_are_asked_for_are_computed(backend: Backend) -> None:
    made, x = layer(9, 5, 3, backend), torch.randn(4, 9)
    made.weight.requires_grad_(False)
    made(x).sum().backward()
    assert x.grad is None and made.weight.grad is None
    assert made.bias.grad is not None and made.bias.grad.tolist() == [4.0] * 5


def test_a_second_derivative_is_refused_and_not_wrong() -> None:
    made, x = layer(9, 5, 3, "bag"), torch.randn(4, 9, requires_grad=True)
    with pytest.raises(RuntimeError, match="differentiated only once"):
        torch.autograd.grad(made(x).square().sum(), x, create_graph=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_index_written_in_place_counts_at_once(backend: Backend) -> None:
    made, x = layer(9, 5, 3, backend), torch.randn(4, 9)
    made(x)
    made.index[2] = torch.tensor([8, 0, 4])
    torch.testing.assert_close(made(x), masked(made, x)[0], rtol=0, atol=1e-6)


def test_an_index_written_between_the_passes_is_noticed() -> None:
    made = layer(9, 5, 3)
    y = made(torch.randn(4, 9)).sum()
    made.index[2] = torch.tensor([8, 0, 4])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize("backend", BACKENDS)
def test_under_autocast_the_numbers_are_the_same(backend: Backend) -> None:
    made, x = layer(9, 5, 3, backend), torch.randn(4, 9)
    plain = ours(made, x)
    given = x.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = made(given)
        assert made(x.bfloat16()).dtype == torch.float32
    cast = (y, *torch.autograd.grad(pulled(y), [given, made.weight, made.bias]))
    assert all(torch.equal(a, b) for a, b in zip(plain, cast, strict=True))


def test_nothing_dense_is_kept() -> None:
    made = layer(784, 6, 4)
    made(torch.randn(2, 784)).sum().backward()
    kept = [*made.state_dict().values(), made.weight.grad, made.bias.grad]
    assert max(tensor.numel() for tensor in kept if tensor is not None) == 6 * 4
    assert made.units == 6 and made.fan_in == 4


def test_a_copy_computes_the_same() -> None:
    made, x = layer(9, 5, 3), torch.randn(4, 9)
    assert torch.equal(copy.deepcopy(made)(x), made(x))


def test_fresh_weights_have_the_deviation_asked_for() -> None:
    torch.manual_seed(0)
    index = wiring.random(500, 50, 20)
    assert Synapses(50, index).weight.std().item() == pytest.approx(0.2, rel=0.03)
    assert Synapses(50, index, 0.05).weight.std().item() == pytest.approx(0.05, rel=0.03)


def test_a_dense_matrix_has_zeros_where_there_is_no_synapse() -> None:
    matrix = to_dense(torch.tensor([[2.0, 3.0]]), torch.tensor([[3, 0]]), 4)
    assert matrix.tolist() == [[3.0, 0.0, 0.0, 2.0]]


def test_the_way_is_told_by_sizes_and_device_alone() -> None:
    def choice(samples: int, inputs: int, units: int, fan_in: int, trials: int = 0) -> Backend:
        stack = torch.empty(*([trials] if trials else []), units, fan_in, device="meta")
        x = torch.empty(max(trials, 1) * samples, inputs)
        return kernel_choice.choose_backend(x, stack)

    assert choice(256, 784, 512, 16) == "bag"
    assert choice(50, 64, 40, 16) == "scatter"
    assert choice(256, 784, 300, 256) == "scatter"
    for sizes in [(256, 784, 512, 16), (50, 64, 40, 16)]:
        assert choice(*sizes) == choice(*sizes, trials=5)


def test_elsewhere_than_on_a_cpu_the_matrix_is_made_unless_it_is_huge() -> None:
    def choice(inputs: int, units: int) -> Backend:
        there = torch.device("meta")
        x, weight = torch.empty(8, inputs, device=there), torch.empty(units, 16, device=there)
        return kernel_choice.choose_backend(x, weight)

    assert choice(784, 512) == "scatter"
    assert choice(2**20, 2**10) == "bag"
