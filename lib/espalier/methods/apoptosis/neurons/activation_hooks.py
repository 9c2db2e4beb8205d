"""Record what the neurons of a pair of layers do in a forward and backward pass, through hooks.

A neuron's *activation* is what the consumer receives from it: after normalisation, nonlinearity,
pooling and dropout. Its *pre-activation* is what the producer puts out. One *position* is a token
of a sequence or a pixel of a feature map; a linear layer on plain vectors has one a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from espalier.surgery.gradmax import CrossMoment
from espalier.surgery.pairing.pair_layers import by_position
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.probe import Statistics, evaluating

MAX_VALUES = 2**18
"""Numbers of a pair that are looked at: 512 tokens of 512 neurons, 1,024 of 256.

With half of them an event took a sixth less time, and a fold's jump of the loss was 0.003 nats
instead of 0.002 (benchmarks/apoptosis_jump.py).
"""


@dataclass(frozen=True)
class NeuronObservation:
    """Inputs, outputs and gradients of a pair in one forward and backward pass.

    The samples are the first dimension of every tensor; the loss is a mean over samples.
    """

    pair: Pair
    producer_input: Tensor
    producer_output: Tensor  # of several producers, the first's
    consumer_input: Tensor
    consumer_input_grad: Tensor
    consumer_output_grad: Tensor
    running_mean: Tensor | None = None  # of activations, (neurons, per)

    @property
    def is_finite(self) -> bool:
        """Whether activations, their gradients and the last update's gradient are all numbers."""
        gradient = self.pair.incoming_grad()
        tensors = (self.consumer_input, self.consumer_input_grad, gradient)
        return all(bool(x.sum().isfinite()) for x in tensors if x is not None)

    @cached_property
    def pre_activations(self) -> Tensor:
        """Pre-activations (samples, positions, neurons)."""
        return by_position(self.producer_output, self.pair.map_dims[0] > 0)

    @cached_property
    def activations(self) -> Tensor:
        """Activations (samples, positions, neurons, per).

        `per` is the number of the consumer's inputs that one neuron feeds.
        """
        return self._by_neuron(self.consumer_input)

    @cached_property
    def activation_grads(self) -> Tensor:
        """The loss's gradient by the activations, in their shape."""
        return self._by_neuron(self.consumer_input_grad)

    @cached_property
    def statistics(self) -> Statistics:
        """Moments of the consumer's input."""
        statistics = Statistics(self.pair)
        statistics.add(self.consumer_input)
        return statistics

    @cached_property
    def cross_moment(self) -> CrossMoment:
        """Return what births along the largest gradient need.

        Of convolutions from as many samples as fit into `MAX_VALUES` numbers, and one at least.
        """
        moment, made = CrossMoment(self.pair), self.producer_output
        if self.pair.map_dims[0]:
            readers = self.pair.out_weight.numel() // self.pair.size
            step = -(-len(made) // max(1, MAX_VALUES // (readers * made[0, 0].numel())))
        else:
            step = 1
        shape = made[::step].shape
        moment.add(self.producer_input[::step], shape, self.consumer_output_grad[::step])
        return moment

    def _by_neuron(self, x: Tensor) -> Tensor:
        features = by_position(x, self.pair.map_dims[1] > 0)
        shaped: Tensor = features.unflatten(2, (self.pair.size, self.pair.per))  # type: ignore[no-untyped-call]
        return shaped


@dataclass
class PairRecorder:
    """Records the last pass of one pair that it was `on` for, through hooks.

    `pending` is of the last forward pass, `complete` of the last that a backward pass followed.
    """

    pair: Pair
    on: bool = True
    pending: dict[str, Tensor] = field(default_factory=dict)
    complete: dict[str, Tensor] = field(default_factory=dict)
    _made: dict[nn.Module, Tensor] = field(default_factory=dict)  # outputs of this pass

    def install_hooks(self) -> list[Any]:
        """Install the hooks; the caller removes them."""
        return [
            *(layer.register_forward_hook(self._record_producer) for layer in self.pair.producers),
            self.pair.consumer.register_forward_hook(self._record_consumer),
        ]

    def observation(self) -> NeuronObservation:
        """Return what was recorded, of as many samples as `MAX_VALUES` allows.

        In the weights' own number format, whatever an autocast made of it. Raises ValueError if
        the pair took no part, or no gradient came back through it.
        """
        if "consumer_input" not in self.pending and not self.complete:
            raise ValueError(f"{self.pair.name}: takes no part in the model's forward pass")
        if not self.complete:
            rule = "no backward pass followed the forward one, or it ended before this layer"
            raise ValueError(f"{self.pair.name}: {rule}")
        made, dtype = self.complete["producer_output"], self.pair.producer.weight.dtype
        step = -(-len(made) // max(1, MAX_VALUES // made[0].numel()))
        tensors = {name: x[::step].to(dtype) for name, x in self.complete.items()}
        return NeuronObservation(self.pair, **tensors)

    def _record_producer(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        if self.on and torch.is_grad_enabled():
            in_place = any(
                getattr(m, "inplace", False) for b in self.pair.between for m in b.modules()
            )
            made = output.detach().clone() if in_place else output.detach()
            self._made[module] = made
            if module is self.pair.producer:
                self.pending = {"producer_input": args[0].detach(), "producer_output": made}

    def _record_consumer(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        del module
        if not (self.on and torch.is_grad_enabled() and "producer_output" in self.pending):
            return
        made = [self._made[layer] for layer in self.pair.producers]
        self.pending["consumer_input"] = _without_dropout(self.pair, made, args[0])
        self._record_gradient(args[0], "consumer_input_grad")
        self._record_gradient(output, "consumer_output_grad")

    def _record_gradient(self, tensor: Tensor, name: str) -> None:
        if not tensor.requires_grad:  # nothing that is trained made it
            return
        pending = self.pending  # of this pass, even if there is another before its backward pass

        def keep(gradient: Tensor) -> None:
            pending[name] = gradient.detach()
            both = "consumer_input_grad" in pending and "consumer_output_grad" in pending
            # of passes that share one backward pass the last, which comes back first
            if both and self.complete is not self.pending:
                self.complete = pending

        tensor.register_hook(keep)  # type: ignore[no-untyped-call]


def _without_dropout(pair: Pair, made: Sequence[Tensor], consumer_input: Tensor) -> Tensor:
    """Return the consumer's input in evaluation, which differs where dropout is active."""
    inner = [m for module in pair.between for m in module.modules()]
    if not any(isinstance(m, _DropoutNd) and m.training and m.p > 0 for m in inner):
        return consumer_input.detach()
    with evaluating(nn.ModuleList(pair.chain())), torch.no_grad():
        return pair.activate(made)


def observe(
    pairs: Sequence[Pair],
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor],
) -> list[NeuronObservation]:
    """Return what each of `pairs` does on a batch (x, y); `loss` maps outputs and y to a mean.

    Computed in evaluation mode; parameters' gradients and the model's mode are left as they were.
    Raises ValueError if a pair takes no part.
    """
    recorders = [PairRecorder(pair) for pair in pairs]
    with ExitStack() as hooks, evaluating(model), torch.enable_grad():
        for handle in (handle for recorder in recorders for handle in recorder.install_hooks()):
            hooks.callback(handle.remove)
        total = loss(model(batch[0]), batch[1])
        # towards what the first layers make, so that every gradient between is computed
        first = [layer.weight for pair in pairs for layer in pair.producers]
        torch.autograd.grad(total, first, allow_unused=True)
    return [recorder.observation() for recorder in recorders]
