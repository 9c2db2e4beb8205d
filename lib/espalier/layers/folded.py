"""K networks of one structure as one network, whose trial axis is folded into the batch axis.

Inputs and outputs of every layer are (K*b, ...): trial 0's samples first, then trial 1's. So
whatever treats samples independently (activations, pooling, reshaping, attention, a model's own
`forward`) runs as it is, once for all trials; only layers that hold parameters need a rule. Those
without one go through `torch.vmap`. The rules themselves are in `espalier.layers.fold_rules`; a
class of layers may bring its own (see `Foldable`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.func import functional_call


class CannotPack(Exception):
    """These runs cannot be trained as one program; the text says why."""


@dataclass
class Stacked:
    """The stacked tensors of a folded network.

    `tensors` maps the id of each parameter and buffer of the first run's model to its stack
    (K, ...). `generators` are the trials' streams for dropout. `gradients` maps the id of a stack
    to the tensor of its gradient: a layer may write it there itself.
    """

    trials: int
    tensors: Mapping[int, Tensor]
    generators: Sequence[torch.Generator]
    gradients: Mapping[int, Tensor] = field(default_factory=dict)
    twins: dict[int, nn.Module] = field(default_factory=dict)

    def of(self, tensor: Tensor) -> Tensor:
        """Return the stack (K, ...) of a parameter or buffer of the first run."""
        return self.tensors[id(tensor)]

    def own(self, module: nn.Module) -> dict[str, Tensor]:
        """Return the stacks of the tensors of `module`, without its children's, by name."""
        tensors = {**module._parameters, **module._buffers}
        return {name: self.of(tensor) for name, tensor in tensors.items() if tensor is not None}


@runtime_checkable
class Foldable(Protocol):
    """A layer that brings its own rule."""

    def folded(self, stacked: Stacked) -> nn.Module:
        """Return the twin that serves all trials, or raise CannotPack."""
        ...


Rule = Callable[[nn.Module, Stacked], nn.Module]
"""Makes the twin of a layer, or raises CannotPack."""


def folded(module: nn.Module, stacked: Stacked, rules: Mapping[type, Rule]) -> nn.Module:
    """Return the twin of `module` that serves all trials; a shared module has a shared twin.

    Raises CannotPack for a module without a twin.
    """
    if id(module) not in stacked.twins:
        stacked.twins[id(module)] = _twin(module, stacked, rules)
    return stacked.twins[id(module)]


def _twin(module: nn.Module, stacked: Stacked, rules: Mapping[type, Rule]) -> nn.Module:
    if isinstance(module, Foldable):
        return module.folded(stacked)
    rule = rules.get(type(module))
    if rule is not None:
        return rule(module, stacked)
    if stacked.own(module):
        return Mapped(module, stacked)
    return copied(module, stacked, rules)


def copied(module: nn.Module, stacked: Stacked, rules: Mapping[type, Rule]) -> nn.Module:
    """Return a copy of a module without tensors of its own, with the twins of its children."""
    twin = copy.copy(module)
    children = module._modules.items()
    twin._modules = {name: child and folded(child, stacked, rules) for name, child in children}
    return twin


class Folded(nn.Module):
    """A layer that serves K trials; `layer` is the first run's, read for its settings only."""

    def __init__(self, layer: Any, stacked: Stacked) -> None:
        """Keep the stacks in a dictionary, so that they are not registered as parameters."""
        super().__init__()
        self.trials = stacked.trials
        self.stacks = stacked.own(layer)
        self.settings = vars(layer)

    def parts(self, x: Tensor) -> Sequence[Tensor]:
        """Split x (K*b, ...) into K tensors (b, ...)."""
        return x.chunk(self.trials)

    def to_channels(self, x: Tensor) -> Tensor:
        """Move the trials from the batch of x (K*b, channels, ...) to its channels."""
        return x.view(self.trials, -1, *x.shape[1:]).transpose(0, 1).flatten(1, 2)

    def to_batch(self, x: Tensor) -> Tensor:
        """Move the trials from the channels of x (b, K*channels, ...) back to its batch."""
        parts = x.view(len(x), self.trials, -1, *x.shape[2:])
        return parts.transpose(0, 1).flatten(0, 1)


class Mapped(nn.Module):
    """A layer, with its children, that torch maps over the trials."""

    def __init__(self, module: nn.Module, stacked: Stacked) -> None:
        """Map `module`, which is the first run's."""
        super().__init__()
        self._trials = stacked.trials
        named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        self._stacks = {name: stacked.of(tensor) for name, tensor in named.items()}
        self._call = lambda stacks, x: functional_call(module, stacks, (x,))

    def forward(self, x: Tensor) -> Tensor:
        """Apply each trial's module to its part of x (K*b, ...)."""
        parts = x.view(self._trials, -1, *x.shape[1:])
        out: Tensor = torch.vmap(self._call, randomness="error")(self._stacks, parts)
        return out.flatten(0, 1)
