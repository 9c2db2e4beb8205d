"""Where strategies see what neurons do: in the user's own passes, or in passes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from espalier.apoptosis.activation_hooks import Observation, PairRecorder, observe
from espalier.surgery.pairs import Pair

Batch = tuple[Tensor, Tensor]


class StatSource(Protocol):
    """Sees pairs of layers at work."""

    def expect(self, due: bool) -> None:
        """Whether what the coming update's passes do will be asked for."""
        ...

    def look(self) -> Mapping[str, Observation]:
        """What each pair did, by its name. Raises ValueError if a pair was not seen."""
        ...

    def remove(self) -> None:
        """Leave the model alone from now on."""
        ...


class LivePassStats:
    """Hooks on the model; they keep the last forward and backward pass before an event."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        """Hooks stay until `remove`."""
        self._watches = [PairRecorder(pair, on=False) for pair in pairs]
        self._handles: list[Any] = [h for watch in self._watches for h in watch.hooks()]

    def expect(self, due: bool) -> None:
        """See `StatSource`; between events nothing is kept."""
        for watch in self._watches:
            watch.on = due
            if not due:
                watch.caught, watch.complete = {}, {}

    def look(self) -> dict[str, Observation]:
        """See `StatSource`."""
        return {watch.pair.name: watch.observation() for watch in self._watches}

    def remove(self) -> None:
        """See `StatSource`."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


class ProbePassStats:
    """A pass of its own in evaluation mode, over a batch drawn for it; no lasting hooks."""

    def __init__(
        self,
        model: nn.Module,
        pairs: Sequence[Pair],
        loss: Callable[[Tensor, Tensor], Tensor],
        draw: Callable[[], Batch],
    ) -> None:
        """`loss` maps outputs and targets to a mean; `draw` gives a batch of training samples."""
        self._model, self._pairs, self._loss, self._draw = model, pairs, loss, draw

    def expect(self, due: bool) -> None:
        """See `StatSource`: nothing to prepare."""

    def look(self) -> dict[str, Observation]:
        """See `StatSource`."""
        seen = observe(self._pairs, self._model, self._loss, self._draw())
        return {one.pair.name: one for one in seen}

    def remove(self) -> None:
        """See `StatSource`: there is nothing to remove."""
