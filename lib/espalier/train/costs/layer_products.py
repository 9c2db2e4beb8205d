"""The floating-point operations of a network: its products, layer by layer, dense and live.

Counted are products of matrices and convolutions, a multiplication and an addition as 2, as
`torch.utils.flop_counter` counts them. Biases, activations, normalisation, embeddings that are
looked up and the optimizer's step are left out: beside the products they are small. A backward pass
has as many operations as a forward pass for the gradients of weights, and as many again for those
of inputs, where each is needed: not for weights that are frozen, nor for inputs that are the data.
Of products with weights those of masked weights are not live. Products without, as those of
queries with keys, are always live; a causal mask takes nothing off.

Source: torch.utils.flop_counter for what counts; Evci et al. 2020, RigL, arXiv:1911.11134,
appendix H, for products of live weights alone, and a backward pass as two forward ones.
Differs: in print the first layer's backward pass counts as two as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from typing_extensions import override

from espalier.layers.dendrites.dendritic_layer import DendriticLayer
from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.masked_linear import MaskedLinear
from espalier.surgery.probe import evaluating

MULTIPLY_ADD = 2
"""Operations of a weight for a sample and a place: a multiplication and an addition."""


@dataclass(frozen=True)
class LayerProduct:
    """The products of a layer for one sample.

    `forward` and `backward` are operations with all of its `weights`, of which there are none where
    it multiplies activations by each other. `size` is their number then, later surgery or not; 1 if
    there are none, which stands for all of the product.
    """

    layer: nn.Module
    weights: tuple[nn.Parameter, ...]
    forward: int
    backward: int
    size: int


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of a forward and of a backward pass of one sample."""

    forward: int
    backward: int

    @property
    def both(self) -> int:
        """Operations of a sample in an update."""
        return self.forward + self.backward

    def plus_backward(self, more: int) -> Operations:
        """Return these with `more` operations of a backward pass."""
        return Operations(self.forward, self.backward + more)


def count_operations(model: nn.Module, x: Tensor) -> Operations:
    """Return the live operations of a sample `x` (1, ...): with weights that layers do not mask."""
    products = find_products(model, x)
    return scale(products, [stored_live(product) for product in products])


def scale(products: Sequence[LayerProduct], live: Iterable[int]) -> Operations:
    """Return the operations of `products` of which so many weights each are live."""
    pairs = list(zip(products, live, strict=True))
    return Operations(
        sum(product.forward * count // product.size for product, count in pairs),
        sum(product.backward * count // product.size for product, count in pairs),
    )


def stored_live(product: LayerProduct) -> int:
    """Return the weights of a product that its layer does not mask."""
    return product.layer.live if isinstance(product.layer, MaskedLinear) else product.size


def count_of_weights(weights: int, first: int) -> int:
    """Return the operations of a sample in an update, of linear layers with so many `weights`.

    `first` of them are in layers that read the data itself, which needs no gradient.
    """
    return MULTIPLY_ADD * (3 * weights - first)


def find_products(model: nn.Module, x: Tensor) -> list[LayerProduct]:
    """Return the products of a sample `x` (1, ...), in the order in which layers are left.

    In a pass of its own, in evaluation mode. Nothing of the model changes.
    """
    watch = _Watch()
    with evaluating(model), torch.enable_grad(), watch.on(model):
        model(x)
    return watch.products


class _Total(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Adds up operations by the formulas of torch's counter.

    `FlopCounterMode` itself imports the compiler and sympy, which takes seconds, the first time in
    each process.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports the compiler, to keep it away from the counting

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if formula := flop_registry.get(func._overloadpacket):
            self.operations += formula(*args, **kwargs, out_val=out)
        return out


@dataclass
class _Call:
    """A call of a module that is under way."""

    before: int  # operations when it began
    earlier: int  # products when it began
    needs_gradient: bool  # of an input
    inner: int = 0  # operations of the modules within


class _Watch:
    """Attributes the operations of a forward pass to the innermost modules."""

    def __init__(self) -> None:
        self.products: list[LayerProduct] = []
        self._counter = _Total()
        self._calls: list[_Call] = []

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """Watch the modules of `model`."""
        with ExitStack() as stack:
            for module in model.modules():
                enter = module.register_forward_pre_hook(self._enter, with_kwargs=True)
                stack.callback(enter.remove)
                leave = module.register_forward_hook(self._leave)
                stack.callback(leave.remove)
            stack.enter_context(self._counter)
            yield

    def _enter(self, _module: nn.Module, args: Any, kwargs: Any) -> None:
        tensors = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
        needs_gradient = any(tensor.requires_grad for tensor in tensors)
        self._calls.append(_Call(self._counter.operations, len(self.products), needs_gradient))

    def _leave(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        call, weights = self._calls.pop(), own_weights(module)
        total = self._counter.operations - call.before
        if self._calls:
            self._calls[-1].inner += total
        own = total - call.inner
        if isinstance(module, (DendriticLayer, Synapses)):  # how these sum is up to the machine
            own = _of_rows(weights, output)
        if own > 0:  # what parts of it have made needs a gradient, as its inputs may
            needs_gradient = call.needs_gradient or len(self.products) > call.earlier
            self.products.append(_product(module, weights, own, needs_gradient))


def _product(
    module: nn.Module, weights: tuple[nn.Parameter, ...], own: int, needs_gradient: bool
) -> LayerProduct:
    if not weights:
        return LayerProduct(module, (), own, 2 * own * needs_gradient, 1)
    trained = sum(weight.numel() for weight in weights if weight.requires_grad)
    total = sum(weight.numel() for weight in weights)
    backward = own * needs_gradient + own * trained // total
    return LayerProduct(module, weights, own, backward, total)


def own_weights(module: nn.Module) -> tuple[nn.Parameter, ...]:
    """Return the matrices and filters that a module itself multiplies by.

    Those of attention by torch are all that it has: it does not call its last layer.
    """
    recurse = isinstance(module, nn.MultiheadAttention)
    return tuple(weight for weight in module.parameters(recurse) if weight.ndim > 1)


def _of_rows(weights: Iterable[nn.Parameter], output: Tensor) -> int:
    """Return the operations of sums over weights, for each row of an output (..., units)."""
    rows = output.numel() // output.shape[-1]
    return MULTIPLY_ADD * rows * sum(weight.numel() for weight in weights)
