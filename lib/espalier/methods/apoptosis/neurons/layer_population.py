"""The neurons of one layer: their fitness and ages, and what was last observed of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from espalier.methods.apoptosis.neurons.activation_hooks import NeuronObservation
from espalier.methods.apoptosis.neurons.candidate_neurons import Successors
from espalier.surgery.death import Substitute
from espalier.surgery.edit_context import EditContext
from espalier.surgery.init_distribution import InitDistribution
from espalier.surgery.resize import resize


class FitnessEma:
    """Ages, and running averages of fitness and activations, of every neuron of a pair.

    `decay` is that of the running averages, in [0, 1): 0 keeps the last value only. A neuron
    younger than `maturity` steps is not selected.
    """

    def __init__(
        self,
        neurons: int,
        decay: float,
        maturity: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """All neurons are newborn and have no fitness yet."""
        self.decay, self.maturity = decay, maturity
        self.age = torch.zeros(neurons, dtype=torch.int64, device=device)  # steps
        self._sum = torch.zeros(neurons, device=device, dtype=dtype)
        self._weight = torch.zeros(neurons, device=device, dtype=dtype)
        self._activation = torch.zeros(neurons, 1, device=device, dtype=dtype)

    def step(self, steps: int = 1) -> None:
        """Add `steps` to all ages."""
        self.age += steps

    def observe(self, activation: Tensor) -> Tensor:
        """Take mean activations (neurons, per) into their average, and return it.

        Call `update` next, which counts the observation.
        """
        self._activation = self._activation * self.decay + activation * (1 - self.decay)
        weight = self._weight * self.decay + (1 - self.decay)
        return self._activation / weight.unsqueeze(1)

    def update(self, fitness: Tensor) -> None:
        """Take `fitness` (neurons,) into the average."""
        self._sum.mul_(self.decay).add_(fitness, alpha=1 - self.decay)
        self._weight.mul_(self.decay).add_(1 - self.decay)

    @property
    def fitness(self) -> Tensor:
        """(neurons,): the average since birth, corrected for its start at 0."""
        return self._sum / self._weight.clamp(min=torch.finfo(self._weight.dtype).tiny)

    @property
    def activation(self) -> Tensor:
        """(neurons, per): the mean activation since birth, corrected for its start at 0."""
        weight = self._weight.clamp(min=torch.finfo(self._weight.dtype).tiny)
        return self._activation / weight.unsqueeze(1)

    def weakest(self, count: int) -> Tensor:
        """Return the indices of up to `count` mature neurons with the lowest fitness, in order."""
        mature = self.mature
        ranked = torch.where(mature, self.fitness, torch.inf).argsort(stable=True)
        return ranked[: min(count, int(mature.sum()))]

    @property
    def mature(self) -> Tensor:
        """(neurons,): which neurons are old enough to be selected."""
        return self.age >= self.maturity

    def grow(self, extra: int) -> None:
        """Add `extra` newborn neurons behind the last."""
        self.age = torch.cat([self.age, self.age.new_zeros(extra)])
        self._sum = torch.cat([self._sum, self._sum.new_zeros(extra)])
        self._weight = torch.cat([self._weight, self._weight.new_zeros(extra)])
        empty = self._activation.new_zeros(extra, self._activation.shape[1])
        self._activation = torch.cat([self._activation, empty])

    def reset(self, slots: Tensor) -> None:
        """Make the neurons at these indices newborn."""
        for tensor in (self.age, self._sum, self._weight, self._activation):
            tensor[slots] = 0

    def state_dict(self) -> dict[str, Any]:
        """Return ages and averages as plain data."""
        return {
            "age": self.age.clone(),
            "sum": self._sum.clone(),
            "weight": self._weight.clone(),
            "activation": self._activation.clone(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.age = state["age"].clone()
        self._sum, self._weight = state["sum"].clone(), state["weight"].clone()
        before = self._sum.new_zeros(len(self._sum), 1)  # of a state that was saved without
        self._activation = state.get("activation", before).clone()


ROUNDING = 1e-9  # a rate of 0.1 of 30 neurons is 3, whatever floating point makes of it


@dataclass(frozen=True)
class FadingNeurons:
    """Neurons that lose their influence since step `start`, and what stands in for them."""

    start: int
    substitute: Substitute


@dataclass
class LayerPopulation:
    """One layer's neurons under a strategy; its rate of turnover is multiplied with `share`.

    `reader` are the neurons that read these, if they are replaced too. Of the event under way
    alone: `observation`, and `successors` that wait for their birth.
    """

    site: EditContext
    fitness_ema: FitnessEma
    law: InitDistribution
    share: float
    initial_size: int
    owed: float = 0.0  # parts of neurons that the rate calls for and that are not replaced yet
    born: int = 0
    died: int = 0
    aged: int = 0  # the step up to which ages are counted
    reader: LayerPopulation | None = None
    fade: FadingNeurons | None = None
    observation: NeuronObservation | None = None
    successors: Successors | None = None

    @property
    def name(self) -> str:
        """The producer's, as in `model.named_modules()`."""
        return self.site.pair.name

    @property
    def size(self) -> int:
        """Number of neurons."""
        return self.site.pair.size

    @property
    def observed(self) -> NeuronObservation:
        """The observation for the event under way. Raises ValueError between events."""
        if self.observation is None:
            raise ValueError(f"{self.name}: is only observed during an event")
        return self.observation

    def link(self, populations: Iterable[LayerPopulation]) -> None:
        """Look for the `reader` among `populations`."""
        consumer = self.site.pair.consumer
        self.reader = next((p for p in populations if p.site.pair.producer is consumer), None)

    def quota(self, rate: float, neurons: int | None = None) -> int:
        """Return how many of so many neurons, by default all, are due at `rate`.

        Carries parts over to the next call.
        """
        neurons = self.size if neurons is None else neurons
        due = rate * self.share * neurons + self.owed
        count = math.floor(due + ROUNDING)
        self.owed = max(0.0, due - count)
        return min(count, self.size - 1)

    def age_to(self, step: int) -> None:
        """Advance all ages to `step`."""
        self.fitness_ema.step(step - self.aged)
        self.aged = step

    def tensors(self) -> list[Tensor]:
        """Return all that an event may write to, and what stands in for those that fade."""
        pair = self.site.pair
        made = [parameter for parameter, _ in pair.slices()]
        read = [pair.reader[0], pair.consumer.bias]
        read.append(None if pair.after is None else pair.after.running_mean)
        substitute = {} if self.fade is None else vars(self.fade.substitute)
        written = [*made, *pair.vectors(), *(x for x in read if x is not None)]
        return [*written, *(x for x in substitute.values() if isinstance(x, Tensor))]

    def others(self, slots: Tensor) -> Tensor:
        """Return the slots (size - n,) that are neither among `slots` (n,) nor fading."""
        free = torch.ones(self.size, dtype=torch.bool, device=slots.device)
        free[slots] = False
        if self.fade is not None:
            free[self.fade.substitute.dead] = False
        return free.nonzero().flatten()

    def resize(self, size: int) -> None:
        """Make the layer `size` neurons wide; what new ones do is left to the caller."""
        resize(self.site, size)

    def state_dict(self) -> dict[str, Any]:
        """Return all but the model's and the optimizer's own states."""
        names = ("initial_size", "owed", "born", "died", "aged")
        return {
            "counts": {name: vars(self)[name] for name in names},
            "fitness_ema": self.fitness_ema.state_dict(),
            "fade": self.fade
            and {**vars(self.fade), "substitute": dict(vars(self.fade.substitute))},
            "law": asdict(self.law),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the layer takes the size it had."""
        self.resize(len(state["fitness_ema"]["age"]))
        for name, value in state["counts"].items():
            setattr(self, name, value)
        self.fitness_ema.load_state_dict(state["fitness_ema"])
        fade = state["fade"]
        self.fade = fade and FadingNeurons(fade["start"], Substitute(**fade["substitute"]))
        self.law = InitDistribution(
            **state["law"]
        )  # of the weights as they began, which training has changed
