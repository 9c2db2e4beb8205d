"""Observations of several processes, each of a batch of its own, pooled into common ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor
from typing_extensions import override

from espalier.methods.apoptosis.neurons.activation_hooks import MAX_VALUES, NeuronObservation
from espalier.methods.apoptosis.neurons.stat_sources import StatSource
from espalier.sparse import processes
from espalier.sparse.processes import Group

Shapes = list[tuple[int, ...]]


class PooledStats(StatSource):
    """What `source` observes in all processes of `group`: the samples of each, in equal numbers.

    The gradients are then of the mean loss over all of them. Where samples have different shapes
    (sequences of different lengths), those of the first process stand for all.
    """

    def __init__(self, source: StatSource, group: Group) -> None:
        self._source, self._group = source, group

    @override
    def prepare(self, needed: bool) -> None:
        self._source.prepare(needed)

    @override
    def remove(self) -> None:
        self._source.remove()

    @override
    def collect(self) -> Mapping[str, NeuronObservation]:
        if not processes.is_distributed(self._group):
            return self._source.collect()
        own, error = self._try_to_collect()
        answers = processes.gather((error, [_shapes(each) for each in own.values()]), self._group)
        for rank, (message, _) in enumerate(answers):
            if message:  # in every process: none waits for one that has failed
                raise ValueError(f"process {rank}: {message}")
        every = [shapes for _, shapes in answers]
        return {
            name: self._pool(observation, [shapes[i] for shapes in every])
            for i, (name, observation) in enumerate(own.items())
        }

    def _try_to_collect(self) -> tuple[Mapping[str, NeuronObservation], str]:
        try:
            return self._source.collect(), ""
        except ValueError as error:
            return {}, str(error)

    def _pool(self, observation: NeuronObservation, every: list[Shapes]) -> NeuronObservation:
        """Pool one pair, for the shapes of whose tensors in every process."""
        tensors = _tensors(observation)
        if len({tuple(shape[1:] for shape in shapes) for shapes in every}) > 1:
            host = {name: tensor.cpu() for name, tensor in tensors.items()}
            shared = processes.first(host, self._group)
            return replace(observation, **{name: x.to(tensors[name]) for name, x in shared.items()})
        count = min(shapes[0][0] for shapes in every)
        values = observation.producer_output[0].numel() * count * len(every)
        step = -(-values // MAX_VALUES) if count > 1 else 1
        pooled: dict[str, Any] = {}
        for name, tensor in tensors.items():
            samples = processes.concatenate(tensor[:count:step], self._group)
            pooled[name] = samples / len(every) if name.endswith("_grad") else samples
        return replace(observation, **pooled)


def _tensors(observation: NeuronObservation) -> dict[str, Tensor]:
    return {name: x for name, x in vars(observation).items() if isinstance(x, Tensor)}


def _shapes(observation: NeuronObservation) -> Shapes:
    return [tuple(tensor.shape) for tensor in _tensors(observation).values()]
