"""What knows which weights are live, networks, layers and masks, and what a run has cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from torch import Tensor, nn

if TYPE_CHECKING:
    from espalier.core.contracts import Run

Measures: TypeAlias = Mapping[str, float | str]
"""Scalars of a trial by name: numbers, or words."""


class SelfMeasuring(nn.Module, ABC):
    """A network that measures its own sparsity, whatever method trains it."""

    @property
    @abstractmethod
    def sparsity(self) -> float:
        """The share of its possible edges that are absent, in [0, 1)."""

    @abstractmethod
    def connectivity(self) -> Measures:
        """Return scalars of how the network is connected, for the final result."""


def own_sparsity(model: nn.Module) -> float:
    """Return the sparsity that `model` measures of itself, 0 if it measures none."""
    return model.sparsity if isinstance(model, SelfMeasuring) else 0.0


class PartlyLive(nn.Module, ABC):
    """A layer that stores numbers which it masks."""

    @property
    @abstractmethod
    def masked(self) -> int:
        """The number of stored numbers that are masked, and so are no parameters."""


class MaskListener(Protocol):
    """What is called around each event at which masks change."""

    def before_event(self, masks: KeepsMasks) -> None:
        """Look at masks and weights as they are before the event."""
        ...

    def after_event(self, masks: KeepsMasks) -> None:
        """Look at the masks as they are after it."""
        ...

    def write(self, folder: Path) -> None:
        """Write what was seen into a trial's folder."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs, as plain data."""
        ...

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; nothing is saved of a run without a listener."""
        ...


class KeepsMasks(Protocol):
    """The masks of a method, see `espalier.sparse.events.mask_history.MaskHistory`."""

    names: list[str]
    changes: int
    listener: MaskListener | None

    def event(self) -> AbstractContextManager[None]:
        """Take all changes inside, and the time that passes, as one event."""
        ...

    def live_masks(self) -> list[Tensor]:
        """Return which weights are live: bool, in the shape of each weight."""
        ...

    def trained_masks(self) -> list[Tensor] | None:
        """Return which weights get gradients, as `live_masks`; None: those that are live."""
        ...

    def values(self) -> Sequence[Tensor]:
        """Return the weights, in the shapes of `live_masks`; 0 where none is stored."""
        ...

    @property
    def explored_share(self) -> float:
        """The share of the weights that were live during at least one update, in [0, 1]."""
        ...

    def explored_state(self) -> dict[str, Any]:
        """Return plain data for `load_explored`."""
        ...

    def load_explored(self, saved: dict[str, Any]) -> None:
        """Restore what `explored_state` returned."""
        ...


class Costs(Protocol):
    """What counts the floating-point operations of a run."""

    def add(self, run: Run, forward: int, backward: int) -> None:
        """Add samples that pass the network as it is now."""
        ...

    def add_operations(self, operations: int) -> None:
        """Add operations of passes that are not of the network as it is."""
        ...

    def begin_epoch(self, run: Run) -> None:
        """Look at the network anew; called before the updates of an epoch."""
        ...

    def measures(self, run: Run) -> Measures:
        """Return what the run has cost, for the final result."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to the state that `state_dict` returned."""
        ...


def count_masked(model: nn.Module) -> int:
    """Count the numbers that the layers of `model` store and mask."""
    return sum(part.masked for part in model.modules() if isinstance(part, PartlyLive))


def count_parameters(model: nn.Module) -> int:
    """Count the parameters of a model, trained or not, without those that its layers mask."""
    return sum(p.numel() for p in model.parameters()) - count_masked(model)
