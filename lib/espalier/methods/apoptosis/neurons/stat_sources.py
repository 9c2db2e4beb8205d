"""Sources of observations: the training loop's own passes, or extra passes for an event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from typing_extensions import override

from espalier.methods.apoptosis.neurons.activation_hooks import (
    NeuronObservation,
    PairRecorder,
    observe,
)
from espalier.surgery.pairing.pairs import Pair

Batch = tuple[Tensor, Tensor]


class StatSource(ABC):
    """Observes pairs of layers in forward and backward passes.

    `is_local`: of several processes each sees samples of its own, which are then pooled.
    """

    is_local: ClassVar[bool] = True

    @abstractmethod
    def collect(self) -> Mapping[str, NeuronObservation]:
        """Return what each pair did, by its name. Raises ValueError if a pair was not seen."""

    def prepare(self, needed: bool) -> None:  # noqa: B027  # a source without hooks has nothing to do
        """Record the coming update's passes if `needed`."""

    def remove(self) -> None:  # noqa: B027
        """Remove all hooks from the model."""


class LivePassStats(StatSource):
    """Hooks on the model; they keep the last forward and backward pass before an event."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        """Hooks stay until `remove`."""
        self._recorders = [PairRecorder(pair, on=False) for pair in pairs]
        self._handles: list[Any] = [h for r in self._recorders for h in r.install_hooks()]

    @override
    def prepare(self, needed: bool) -> None:
        for recorder in self._recorders:
            recorder.on = needed
            if not needed:  # between events nothing is kept
                recorder.pending, recorder.complete = {}, {}

    @override
    def collect(self) -> dict[str, NeuronObservation]:
        return {recorder.pair.name: recorder.observation() for recorder in self._recorders}

    @override
    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


class ProbePassStats(StatSource):
    """A pass of its own in evaluation mode, over a batch drawn for it; no lasting hooks.

    Of several processes all draw the same batch.
    """

    is_local: ClassVar[bool] = False

    def __init__(
        self,
        model: nn.Module,
        pairs: Sequence[Pair],
        loss: Callable[[Tensor, Tensor], Tensor],
        draw: Callable[[], Batch],
    ) -> None:
        """`loss` maps outputs and targets to a mean; `draw` gives a batch of training samples."""
        self._model, self._pairs, self._loss, self._draw = model, pairs, loss, draw

    @override
    def collect(self) -> dict[str, NeuronObservation]:
        observations = observe(self._pairs, self._model, self._loss, self._draw())
        return {observation.pair.name: observation for observation in observations}
