"""What every way of restarting newborn neurons and synapses can do."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class Restart(Protocol):
    """Makes newborns of an optimizer's parameters train as under a fresh one, as far as it can.

    State has been reset by `espalier.surgery.optimizer_state` when a birth is noted.
    """

    def note(self, parameter: Tensor, dim: int, index: Tensor) -> None:
        """Record that slices `index` (n,) along `dim` are born now."""
        ...

    def note_elements(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        """Record that single elements are born now; `at` has an index (n,) for each dimension."""
        ...

    def follow(self, parameter: Tensor, dim: int, source: Tensor) -> None:
        """Reindex: the parameter now has slices `source` of itself along `dim`, -1 for new."""
        ...

    def after_step(self) -> None:
        """Correct newborn parameters after an update of the optimizer."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the recorded births as plain data."""
        ...

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the groups must be in the same order."""
        ...
