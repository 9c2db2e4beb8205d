"""The fold rule of linear layers: batched products for all trials, chained with the ReLUs between.

A chain is one function to autograd. Of the tensors in it none is kept that is not needed, and the
gradients are written to where the optimizers read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from espalier.layers.folded import Folded, Stacked


class Target:
    """A tensor for the gradient of a stack, and the number of uses that have yet to give theirs.

    Only the last may write there: the gradients of the others are added to it.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, self._uses = tensor, 0

    def expect(self) -> None:
        """Count a use."""
        self._uses += 1

    def take(self) -> Tensor | None:
        """Return the tensor to write to, if it holds nothing that is still needed."""
        self._uses -= 1
        return self._tensor if self._uses == 0 else None


class Linear(Folded):
    """One batched matrix product."""

    def __init__(self, layer: Any, stacked: Stacked) -> None:
        super().__init__(layer, stacked)
        self.targets = [_target(self.stacks.get(name), stacked) for name in ("weight", "bias")]

    def forward(self, x: Tensor) -> Tensor:
        """Map (K*b, ..., inputs) to (K*b, ..., outputs)."""
        return multiply([Product(self, rectified=False)], x)

    def tensors(self) -> list[Tensor | None]:
        """Return the factors of the inputs, (K, outputs, inputs), and what is added, (K, outputs).

        The second is None in a layer without a bias.
        """
        return [self.stacks["weight"], self.stacks.get("bias")]


def _target(stack: Tensor | None, stacked: Stacked) -> Target | None:
    into = stacked.gradients.get(id(stack))
    return None if into is None else Target(into)


class MaskedProduct(Linear):
    """A batched product of weights that each trial masks by itself."""

    def __init__(self, layer: Any, stacked: Stacked) -> None:
        """Write no gradient of the weights in place: that of the product is not yet theirs."""
        super().__init__(layer, stacked)
        self.targets[0] = None

    @override
    def tensors(self) -> list[Tensor | None]:
        return [self.stacks["weight"] * self.stacks["mask"], self.stacks.get("bias")]


class Product(NamedTuple):
    """A linear layer; `rectified`: with the ReLU after it."""

    layer: Linear
    rectified: bool


def chain_products(modules: Iterable[nn.Module]) -> list[Callable[[Tensor], Tensor]]:
    """Return what computes folded modules one after the other, products in a row at once."""
    stages: list[Callable[[Tensor], Tensor]] = []
    products: list[Product] = []  # of the last stage, if that is one of products
    for module in modules:
        if type(module) is nn.ReLU and products and not products[-1].rectified:
            products[-1] = products[-1]._replace(rectified=True)
        elif isinstance(module, Linear):
            if not products:
                stages.append(partial(multiply, products))
            products.append(Product(module, rectified=False))
        else:
            stages.append(module)
            products = []
    return stages


def multiply(products: Sequence[Product], x: Tensor) -> Tensor:
    """Map (K*b, ..., inputs) by products, one after the other, to (K*b, ..., outputs)."""
    tensors = [tensor for product in products for tensor in product.layer.tensors()]
    if not torch.is_autocast_enabled(x.device.type):
        y: Tensor = Products.apply(x, products, *tensors)
        return y
    rows = x.reshape(products[0].layer.trials, -1, x.shape[-1])
    for product, weight, bias in zip(products, tensors[::2], tensors[1::2], strict=True):
        rows = _product(rows, weight, bias)
        rows = F.relu(rows) if product.rectified else rows
    return rows.view(*x.shape[:-1], rows.shape[-1])


def _product(rows: Tensor, weight: Any, bias: Tensor | None) -> Tensor:
    if bias is None:
        return torch.bmm(rows, weight.transpose(1, 2))
    return torch.baddbmm(bias.unsqueeze(1), rows, weight.transpose(1, 2))


class Products(torch.autograd.Function):
    """x (K*n, ..., inputs), and of each product a weight (K, outputs, inputs) and a bias or None.

    Written by hand because autograd returns a weight's gradient transposed in memory. Copying
    that into the gradients' stack takes 15 of the 150 microseconds of a trial's step, copying it
    in order takes 7, and writing it there at once nothing (MLP 64-128-128-10, 16 trials, one CPU
    thread).
    """

    @staticmethod
    @override
    def forward(
        ctx: Any, x: Tensor, products: Sequence[Product], *tensors: Tensor | None
    ) -> Tensor:
        rows = [x.reshape(products[0].layer.trials, -1, x.shape[-1])]  # each (K, n * ..., size)
        for product, weight, bias in zip(products, tensors[::2], tensors[1::2], strict=True):
            y = _product(rows[-1], weight, bias)
            rows.append(y.relu_() if product.rectified else y)
        targets = [target for product in products for target in product.layer.targets]
        needed = zip(targets, ctx.needs_input_grad[2:], strict=True)
        ctx.targets = [target if needs else None for target, needs in needed]
        for target in ctx.targets:
            if target is not None:
                target.expect()
        ctx.rectified, ctx.shape = [product.rectified for product in products], x.shape
        ctx.save_for_backward(*rows, *tensors[::2])
        return rows[-1].view(*x.shape[:-1], rows[-1].shape[-1])

    @staticmethod
    @override
    def backward(ctx: Any, *grads: Tensor) -> Any:
        count = len(ctx.rectified)
        rows, weights = ctx.saved_tensors[: count + 1], ctx.saved_tensors[count + 1 :]
        needs = ctx.needs_input_grad  # of x, the products, and each weight and bias
        g = grads[0].contiguous().view(rows[-1].shape)  # (K, n * ..., outputs)
        made: list[Tensor | None] = [None] * (2 * count)
        for i in reversed(range(count)):
            if ctx.rectified[i]:
                g = _cut(g, rows[i + 1], ours=i + 1 < count)
            if needs[2 + 2 * i]:
                made[2 * i] = torch.bmm(g.transpose(1, 2), rows[i], out=_free(ctx.targets[2 * i]))
            if needs[3 + 2 * i]:
                made[2 * i + 1] = torch.sum(g, 1, out=_free(ctx.targets[2 * i + 1]))
            if any(needs[: 2 + 2 * i]):
                g = torch.bmm(g, weights[i])
        return g.view(ctx.shape) if needs[0] else None, None, *made


def _cut(g: Tensor, y: Tensor, *, ours: bool) -> Tensor:
    """Return the gradient of what a ReLU has made y of; in place if `g` is `ours`."""
    cut: Tensor = torch.ops.aten.threshold_backward.grad_input(
        g, y, 0, grad_input=g if ours else torch.empty_like(g)
    )
    return cut


def _free(target: Target | None) -> Tensor | None:
    return None if target is None else target.take()
