"""What every way of restarting newborn neurons and synapses can do."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from espalier.sparse.edges import Restarting


@runtime_checkable
class Restart(Restarting, Protocol):
    """Makes newborns of an optimizer's parameters train as under a fresh one, as far as it can.

    State has been reset by `espalier.surgery.optimizer_state` when a birth is noted.
    """

    def note(self, parameter: Tensor, dim: int, index: Tensor) -> None:
        """Record that slices `index` (n,) along `dim` are born now."""
        ...

    def follow(self, parameter: Tensor, dim: int, source: Tensor) -> None:
        """Reindex: the parameter now has slices `source` of itself along `dim`, -1 for new."""
        ...
