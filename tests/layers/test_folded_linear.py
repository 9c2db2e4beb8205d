"""Chains of products: one function, whose gradients lie where they go."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espalier.layers.fold_rules import RULES
from espalier.layers.folded import Stacked, folded
from espalier.layers.folded_linear import Products, Target

K, B = 3, 4


def chain() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))


def fold(nets: list[nn.Module]) -> tuple[nn.Module, list[Tensor], list[Tensor]]:
    """The program of all, its stacks, and where their gradients go."""
    columns = list(zip(*(net.parameters() for net in nets), strict=True))
    stacks = [torch.stack([p.detach() for p in column]).requires_grad_() for column in columns]
    into = [torch.zeros_like(stack) for stack in stacks]
    tensors = {id(column[0]): stack for column, stack in zip(columns, stacks, strict=True)}
    gradients = {id(stack): place for stack, place in zip(stacks, into, strict=True)}
    return folded(nets[0], Stacked(K, tensors, [], gradients), RULES), stacks, into


def test_gradients_are_written_where_they_go_and_are_those_of_each_alone() -> None:
    torch.manual_seed(0)
    nets = [chain() for _ in range(K)]
    program, stacks, into = fold(nets)
    x = torch.randn(K * B, 6)
    for _ in range(2):  # a target is free again after each pass
        out = program(x)
        grads = torch.autograd.grad(out, stacks, out.detach().cos())
        assert [g.data_ptr() for g in grads] == [place.data_ptr() for place in into]
    for k, (net, part) in enumerate(zip(nets, x.chunk(K), strict=True)):
        alone = net(part)
        torch.testing.assert_close(out.chunk(K)[k], alone)
        alone.backward(alone.detach().cos())
        for p, place in zip(net.parameters(), into, strict=True):
            torch.testing.assert_close(place[k], p.grad)


def test_a_chain_is_one_function_and_its_activations_are_kept_once() -> None:
    program, _, _ = fold([chain() for _ in range(K)])
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        out = program(torch.randn(K * B, 6))
    assert type(out.grad_fn).__name__ == f"{Products.__name__}Backward"
    assert sum(t.shape == (K, B, 5) for t in kept) == 1


def test_only_the_last_of_several_uses_may_write() -> None:
    target = Target(torch.zeros(2))
    target.expect()
    target.expect()
    assert target.take() is None
    assert target.take() is not None
