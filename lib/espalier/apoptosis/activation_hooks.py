"""What the neurons of a pair of layers do in a forward and backward pass, seen through hooks.

A neuron's *activation* is what the consumer receives from it: after normalisation, nonlinearity,
pooling and dropout. Its *pre-activation* is what the producer puts out. One *position* is a token
of a sequence or a pixel of a feature map; a linear layer on plain vectors has one a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from espalier.surgery.gradmax import Crossing
from espalier.surgery.pairs import Pair
from espalier.surgery.probe import Statistics, evaluating

ENOUGH = 2**18
"""Numbers that a pair is looked at with: 512 tokens of 512 neurons, 1,024 of 256.

With half of them an event took a sixth less time, and a fold's jump of the loss was 0.003 nats
instead of 0.002 (benchmarks/apoptosis_jump.py).
"""


@dataclass(frozen=True)
class Observation:
    """What a pair did in one forward and backward pass.

    As the layers saw it: `given`, the producer's input, `made`, its output, `fed`, the consumer's
    input, and the loss's gradients `pulled` by the consumer's input and `wanted` by its output.
    The samples are the first dimension; the loss is a mean over samples.
    """

    pair: Pair
    given: Tensor
    made: Tensor
    fed: Tensor
    pulled: Tensor
    wanted: Tensor

    @property
    def finite(self) -> bool:
        """Whether what was seen, and the gradient of the last update, are numbers."""
        known = (self.fed, self.pulled, self.pair.producer.weight.grad)
        return all(bool(x.sum().isfinite()) for x in known if x is not None)

    @cached_property
    def before(self) -> Tensor:
        """Pre-activations (samples, positions, neurons)."""
        return _by_position(self.made, isinstance(self.pair.producer, nn.Conv2d))

    @cached_property
    def after(self) -> Tensor:
        """Activations (samples, positions, neurons, per).

        `per` is the number of the consumer's inputs that one neuron feeds.
        """
        return self._by_neuron(self.fed)

    @cached_property
    def slope(self) -> Tensor:
        """The loss's gradient by the activations, in their shape."""
        return self._by_neuron(self.pulled)

    @cached_property
    def statistics(self) -> Statistics:
        """Moments of the consumer's input."""
        found = Statistics(self.pair)
        found.add(self.fed)
        return found

    @cached_property
    def crossing(self) -> Crossing:
        """What births along the largest gradient need.

        Of convolutions from as many samples as fit into `ENOUGH` numbers, and one at least.
        """
        found, made = Crossing(self.pair), self.made
        if isinstance(self.pair.producer, nn.Conv2d):
            readers = self.pair.consumer.weight.numel() // self.pair.size
            step = -(-len(made) // max(1, ENOUGH // (readers * made[0, 0].numel())))
        else:
            step = 1
        found.add(self.given[::step], made[::step].shape, self.wanted[::step])
        return found

    def _by_neuron(self, x: Tensor) -> Tensor:
        by_position = _by_position(x, isinstance(self.pair.consumer, nn.Conv2d))
        shaped: Tensor = by_position.unflatten(2, (self.pair.size, self.pair.per))  # type: ignore[no-untyped-call]
        return shaped


def _by_position(x: Tensor, planes: bool) -> Tensor:
    """(samples, channels, h, w) or (samples, ..., features) as (samples, positions, features)."""
    if planes:
        return x.flatten(2).transpose(1, 2)
    return x.reshape(len(x), -1, x.shape[-1])


@dataclass
class PairRecorder:
    """What the hooks on one pair caught in the last pass that they were `on` for.

    `caught` is of the last forward pass, `complete` of the last that a backward pass followed.
    """

    pair: Pair
    on: bool = True
    caught: dict[str, Tensor] = field(default_factory=dict)
    complete: dict[str, Tensor] = field(default_factory=dict)

    def hooks(self) -> list[Any]:
        """Install the hooks; to be removed by whoever calls this."""
        return [
            self.pair.producer.register_forward_hook(self._producer),
            self.pair.consumer.register_forward_hook(self._consumer),
        ]

    def observation(self) -> Observation:
        """What was caught, of as many samples as are enough.

        In the weights' own number format, whatever an autocast made of it. Raises ValueError if
        the pair took no part, or nothing came back through it.
        """
        if "fed" not in self.caught and not self.complete:
            raise ValueError(f"{self.pair.name}: takes no part in the model's forward pass")
        if not self.complete:
            rule = "no backward pass followed the forward one, or it ended before this layer"
            raise ValueError(f"{self.pair.name}: {rule}")
        wanted = max(1, ENOUGH // self.complete["made"][0].numel())
        step, kind = -(-len(self.complete["made"]) // wanted), self.pair.producer.weight.dtype
        some = {name: x[::step].to(kind) for name, x in self.complete.items()}
        return Observation(self.pair, **some)

    def _producer(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        del module
        if self.on and torch.is_grad_enabled():
            in_place = any(getattr(module, "inplace", False) for module in self.pair.between)
            made = output.detach().clone() if in_place else output.detach()
            self.caught = {"given": args[0].detach(), "made": made}

    def _consumer(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        del module
        if not (self.on and torch.is_grad_enabled() and "made" in self.caught):
            return
        self.caught["fed"] = _without_dropout(self.pair, self.caught["made"], args[0])
        self._catch(args[0], "pulled")
        self._catch(output, "wanted")

    def _catch(self, tensor: Tensor, name: str) -> None:
        if not tensor.requires_grad:  # nothing that is trained made it
            return
        caught = self.caught  # of this pass, even if there is another before its backward pass

        def keep(gradient: Tensor) -> None:
            caught[name] = gradient.detach()
            # of passes that share one backward pass the last, which comes back first
            if "pulled" in caught and "wanted" in caught and self.complete is not self.caught:
                self.complete = caught

        tensor.register_hook(keep)  # type: ignore[no-untyped-call]


def _without_dropout(pair: Pair, made: Tensor, fed: Tensor) -> Tensor:
    """What the consumer is fed in evaluation, if dropout made it something else."""
    dropping = (nn.Dropout, nn.Dropout2d, nn.AlphaDropout)
    if not any(isinstance(m, dropping) and m.training and m.p > 0 for m in pair.between):
        return fed.detach()
    chain = nn.Sequential(*([pair.norm] if pair.norm is not None else []), *pair.between)
    with evaluating(chain), torch.no_grad():
        found: Tensor = chain(made)
    return found


@contextmanager
def watching(pairs: Sequence[Pair]) -> Iterator[list[PairRecorder]]:
    """Watches on `pairs`, whose hooks go when this ends."""
    with ExitStack() as stack:
        watches = [PairRecorder(pair) for pair in pairs]
        for watch in watches:
            for handle in watch.hooks():
                stack.callback(handle.remove)
        yield watches


def observe(
    pairs: Sequence[Pair],
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor],
) -> list[Observation]:
    """What each of `pairs` does on a batch (x, y); `loss` maps outputs and y to a mean.

    Computed in evaluation mode; parameters' gradients and the model's mode are left as they were.
    Raises ValueError if a pair takes no part.
    """
    with evaluating(model), watching(pairs) as watches, torch.enable_grad():
        total = loss(model(batch[0]), batch[1])
        # towards what the first layers make, so that every gradient between is computed
        first = [pair.producer.weight for pair in pairs]
        torch.autograd.grad(total, first, allow_unused=True)
    return [watch.observation() for watch in watches]


def means(values: Iterable[Tensor]) -> Tensor:
    """The mean of equally shaped tensors."""
    return torch.stack(list(values)).mean(0)
