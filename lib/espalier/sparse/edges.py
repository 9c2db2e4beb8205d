"""The live edges of an ordinary model: which weights there are, since when, and what came and went.

An edge is one weight of a linear or 2-d convolution layer. The others are exactly 0, and so is all
optimizer state of them. A new edge begins at 0 with moments of 0 and trains as under a fresh
optimizer, which is up to the `Restarting` that is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from espalier.core.birth_record import GrowthEvent
from espalier.sparse.mask import MaskSet
from espalier.sparse.masked_weight import MaskedWeight, find_births


class Restarting(Protocol):
    """What lets new edges train as under a fresh optimizer: `surgery.per_slice_restart`."""

    def note_elements(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        """Take in that single elements are born now, with all moments 0."""
        ...

    def after_step(self) -> None:
        """Correct newborn elements; the optimizer has done an update."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs."""
        ...

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Become what was saved."""
        ...


@dataclass(eq=False)
class LayerEdges(MaskedWeight):
    """The edges of one layer's `weight`, by name."""

    name: str
    weight: Tensor
    births: Tensor


class EdgeEvent(NamedTuple):
    """What one event did, in edges of each layer; `live` is what there is after it."""

    step: int
    live: tuple[int, ...]
    dropped: tuple[int, ...]
    grown: tuple[int, ...]


class Edges:
    """The edges of `weights`, by name, that `optimizer` trains; all are live until `begin`.

    The `ledger` has what there was at first, then one `EdgeEvent` an event. Call `before_step` when
    gradients are there and `after_step` after each update.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
        restarts: Restarting,
    ) -> None:
        self.masks = MaskSet(weights)
        self.optimizer, self.restarts = optimizer, restarts
        self.layers = [
            LayerEdges(name, weight, torch.zeros_like(weight, dtype=torch.int32))
            for name, weight in weights.items()
        ]
        self.ledger: list[EdgeEvent] = []
        self._note(0, self._none(), self._none())

    @property
    def names(self) -> list[str]:
        """The layers' weights by name."""
        return self.masks.names

    @property
    def weights(self) -> list[Tensor]:
        """In the order of `names`."""
        return self.masks.weights

    @property
    def births(self) -> list[Tensor]:
        """The birth steps of each layer's edges, int32 in its weight's shape."""
        return [layer.births for layer in self.layers]

    @property
    def live(self) -> list[Tensor]:
        """Bool, of each layer in its weight's shape."""
        return [layer.live_mask for layer in self.layers]

    @property
    def counts(self) -> tuple[int, ...]:
        """Live edges of each layer."""
        return self.ledger[-1].live

    @property
    def events(self) -> int:
        """Changes since the beginning."""
        return len(self.ledger) - 1

    @property
    def changed(self) -> int:
        """Edges that have come since the beginning."""
        return sum(sum(change.grown) for change in self.ledger[1:])

    def birth_steps(self, parameter: Tensor) -> Tensor | None:
        """Return the birth steps of a weight's edges; None of a parameter that has none."""
        return find_births(self.layers, parameter)

    def growths(self) -> list[GrowthEvent]:
        """Return the events at which edges came, with the layers that got them."""
        layers = [name.removesuffix("weight").removesuffix(".") for name in self.names]
        return [
            GrowthEvent(
                change.step, tuple(n for n, new in zip(layers, change.grown, strict=True) if new)
            )
            for change in self.ledger[1:]
            if any(change.grown)
        ]

    def begin(self, live: Sequence[Tensor]) -> None:
        """Let there be these edges only: bool, of each layer in its weight's shape."""
        for layer, mask in zip(self.layers, live, strict=True):
            layer.begin(mask)
        self._mask()
        self.ledger.clear()
        self._note(0, self._none(), self._none())

    def grow(self, layer: str, positions: Tensor, step: int) -> None:
        """Edges at `positions` (n,) int64 of a layer's weights in a row are born after `step`.

        Raises ValueError for one that is there.
        """
        self.change(self._none(), self._at(layer, positions), step)

    def drop(self, layer: str, positions: Tensor, step: int) -> None:
        """Edges at `positions` (n,) int64 of a layer's weights in a row go after `step`.

        Raises ValueError for one that is not there.
        """
        self.change(self._at(layer, positions), self._none(), step)

    @torch.no_grad()
    def change(self, gone: Sequence[Tensor], come: Sequence[Tensor], step: int) -> None:
        """One event after update `step`: bool, of each layer in its weight's shape.

        Raises ValueError for an edge that goes and is not there, or comes and is.
        """
        for layer, out, new in zip(self.layers, gone, come, strict=True):
            if layer.count_live(out) < int(out.sum()) or layer.count_live(new) > 0:
                raise ValueError(f"{layer.name}: what goes must be live and what comes must not be")
        for layer, out, new in zip(self.layers, gone, come, strict=True):
            layer.remove(out)
            layer.add(new, step)
        self._mask()
        for weight, new in zip(self.weights, come, strict=True):
            if bool(new.any()):
                self.restarts.note_elements(weight, new.nonzero(as_tuple=True))
        self._note(step, gone, come)

    def before_step(self) -> None:
        """Gradients are there: edges that are not lose theirs."""
        self.masks.mask_gradients()

    def after_step(self) -> None:
        """The optimizer has done an update: new edges get what a fresh one would do."""
        self.restarts.after_step()

    def assert_consistent(self) -> None:
        """Raise AssertionError unless what is not live is 0 and the ledger is right."""
        self.masks.assert_masked(self.optimizer)
        assert self.counts == _sums(self.live), "the ledger is not what there is"
        if self.masks.mask is not None:
            assert torch.equal(self.masks.mask, self._dead()), "births and masks disagree"

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs besides the model and the optimizer."""
        return {
            "births": [births.clone() for births in self.births],
            "ledger": [tuple(change) for change in self.ledger],
            "restarts": self.restarts.state_dict(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """The inverse of `state_dict`, for weights and optimizer state restored with it."""
        for births, old in zip(self.births, saved["births"], strict=True):
            births.copy_(old)
        self.ledger = [EdgeEvent(*change) for change in saved["ledger"]]
        self.restarts.load_state_dict(saved["restarts"])
        self.masks.restore(self._dead())

    def _mask(self) -> None:
        self.masks.set(self._dead(), self.optimizer)

    def _dead(self) -> Tensor:
        return torch.cat([births.flatten() < 0 for births in self.births])

    def _note(self, step: int, gone: Sequence[Tensor], come: Sequence[Tensor]) -> None:
        self.ledger.append(EdgeEvent(step, _sums(self.live), _sums(gone), _sums(come)))

    def _none(self) -> list[Tensor]:
        return [torch.zeros_like(births, dtype=torch.bool) for births in self.births]

    def _at(self, layer: str, positions: Tensor) -> list[Tensor]:
        masks = self._none()
        masks[self.names.index(layer)].view(-1)[positions] = True
        return masks


def _sums(masks: Sequence[Tensor]) -> tuple[int, ...]:
    return tuple(int(mask.sum()) for mask in masks)
