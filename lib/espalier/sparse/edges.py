"""The live edges of an ordinary model: their masks, birth steps, and a ledger of changes.

An edge is a live weight of a layer that `prunable.cover` knows. The others are exactly 0, and so is
their optimizer state. A new edge begins at 0 with moments of 0 and trains as under a fresh
optimizer, which is left to the given `Restarting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from espalier.core.birth_record import GrowthEvent
from espalier.sparse.mask import MaskSet
from espalier.sparse.masked_weight import MaskedWeight, find_births, weight_and_state
from espalier.sparse.orientation import ROWS, Orientation


class Restarting(Protocol):
    """What edges need of an `espalier.surgery.restarts.restart_protocol.Restart`."""

    def note_elements(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        """Record that single elements are born now; `at` has an index (n,) for each dimension."""
        ...

    def after_step(self) -> None:
        """Correct newborns after an update of the optimizer."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the recorded births as plain data."""
        ...

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the groups must be in the same order."""
        ...


@dataclass(eq=False)
class LayerEdges(MaskedWeight):
    """The edges of one layer's `weight`, by name."""

    name: str
    weight: Tensor
    births: Tensor


class EdgeEvent(NamedTuple):
    """The edges that an event dropped and grew in each layer, and those `live` after it."""

    step: int
    live: tuple[int, ...]
    dropped: tuple[int, ...]
    grown: tuple[int, ...]


class Edges:
    """The edges of `weights`, by name, that `optimizer` trains; all are live until `begin`.

    `orientations` says how weights lie that are not (units, inputs, ...).
    The `ledger` has an entry for the beginning, then one for each event. Call `before_step` after
    each backward pass and `after_step` after each update.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
        restarts: Restarting,
        orientations: Mapping[str, Orientation] | None = None,
    ) -> None:
        self.masks = MaskSet(weights)
        self.optimizer, self.restarts = optimizer, restarts
        self.orientations = [(orientations or {}).get(name, ROWS) for name in weights]
        self.layers = [
            LayerEdges(name, weight, torch.zeros_like(weight, dtype=torch.int32))
            for name, weight in weights.items()
        ]
        self.ledger: list[EdgeEvent] = []
        self._record(0, self._none(), self._none())

    @property
    def names(self) -> list[str]:
        """The layers' weights by name."""
        return self.masks.names

    @property
    def weights(self) -> list[Tensor]:
        """The layers' weights in the order of `names`."""
        return self.masks.weights

    def by_unit(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return tensors, one a weight and of its shape, as (units, inputs of a unit, ...)."""
        return [o.by_unit(x) for o, x in zip(self.orientations, tensors, strict=True)]

    def as_stored(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return what `by_unit` returned in the shapes of the weights."""
        return [o.as_stored(x) for o, x in zip(self.orientations, tensors, strict=True)]

    @property
    def births(self) -> list[Tensor]:
        """The birth steps of each layer's edges, int32 in its weight's shape."""
        return [layer.births for layer in self.layers]

    @property
    def live(self) -> list[Tensor]:
        """The mask of live edges of each layer, bool in its weight's shape."""
        return [layer.live_mask for layer in self.layers]

    @property
    def counts(self) -> tuple[int, ...]:
        """Live edges of each layer."""
        return self.ledger[-1].live

    @property
    def events(self) -> int:
        """Number of events since the beginning."""
        return len(self.ledger) - 1

    @property
    def changed(self) -> int:
        """Number of edges grown since the beginning."""
        return sum(sum(event.grown) for event in self.ledger[1:])

    def birth_steps(self, parameter: Tensor) -> Tensor | None:
        """Return the birth steps of a weight's edges; None of a parameter that has none."""
        return find_births(self.layers, parameter)

    def growths(self) -> list[GrowthEvent]:
        """Return the events at which edges came, with the layers that got them."""
        layers = [name.removesuffix("weight").removesuffix(".") for name in self.names]
        return [
            GrowthEvent(
                event.step, tuple(n for n, new in zip(layers, event.grown, strict=True) if new)
            )
            for event in self.ledger[1:]
            if any(event.grown)
        ]

    def begin(self, live: Sequence[Tensor]) -> None:
        """Let exactly the edges `live` exist: bool, of each layer in its weight's shape."""
        for layer, mask in zip(self.layers, live, strict=True):
            layer.begin(mask)
        self._set_masks()
        self.ledger.clear()
        self._record(0, self._none(), self._none())

    @torch.no_grad()
    def change(self, dropped: Sequence[Tensor], grown: Sequence[Tensor], step: int) -> None:
        """Drop and grow edges after update `step`: bool, of each layer in its weight's shape.

        Raises ValueError for a dropped edge that is not live, or a grown one that is.
        """
        for layer, old, new in zip(self.layers, dropped, grown, strict=True):
            if layer.count_live(old) < int(old.sum()) or layer.count_live(new) > 0:
                raise ValueError(f"{layer.name}: what goes must be live and what comes must not be")
        for layer, old, new in zip(self.layers, dropped, grown, strict=True):
            layer.remove(old)
            layer.add(new, step)
        self._set_masks()
        for weight, new in zip(self.weights, grown, strict=True):
            if bool(new.any()):
                self.restarts.note_elements(weight, new.nonzero(as_tuple=True))
        self._record(step, dropped, grown)

    @torch.no_grad()
    def add(
        self, layer: int, at: tuple[Tensor, ...], step: int, weights: Tensor | float = 0.0
    ) -> None:
        """Let single missing edges of a layer be born after update `step`, with these weights.

        `at` has an index (n,) for each dimension, no element twice. What comes and goes after one
        update is one event. Raises ValueError for an edge that is live.
        """
        edges = self.layers[layer]
        if live := edges.count_live(at):
            raise ValueError(f"{edges.name}: {live} of the edges that are to come are live")
        edges.add(at, step)
        edges.weight[at] = torch.as_tensor(weights).to(edges.weight)
        self.masks.mark(layer, at, pruned=False)
        self._reset_state(edges.weight, at)
        self.restarts.note_elements(edges.weight, at)
        self._count(layer, step, grown=len(at[0]))

    @torch.no_grad()
    def drop(self, layer: int, at: tuple[Tensor, ...], step: int) -> None:
        """Drop single live edges of a layer after update `step`; see `add`.

        Raises ValueError for an edge that is not live.
        """
        edges = self.layers[layer]
        if absent := len(at[0]) - edges.count_live(at):
            raise ValueError(f"{edges.name}: {absent} of the edges that are to go are not live")
        edges.remove(at)
        edges.weight[at] = 0.0
        self.masks.mark(layer, at, pruned=True)
        self._reset_state(edges.weight, at)
        self._count(layer, step, dropped=len(at[0]))

    def _reset_state(self, weight: Tensor, at: tuple[Tensor, ...]) -> None:
        for name, tensor in weight_and_state(weight, self.optimizer).items():
            if name != "weight":
                tensor[at] = 0.0

    def _count(self, layer: int, step: int, dropped: int = 0, grown: int = 0) -> None:
        """Add to the last entry of the ledger, or begin one if that is of another step."""
        last, zeros = self.ledger[-1], (0,) * len(self.layers)
        if len(self.ledger) == 1 or last.step != step:
            last = EdgeEvent(step, last.live, zeros, zeros)
            self.ledger.append(last)
        self.ledger[-1] = EdgeEvent(
            step,
            _plus(last.live, layer, grown - dropped),
            _plus(last.dropped, layer, dropped),
            _plus(last.grown, layer, grown),
        )

    def before_step(self) -> None:
        """Zero the gradients of missing edges, after the backward pass."""
        self.masks.mask_gradients()

    def after_step(self) -> None:
        """Correct new edges to what a fresh optimizer would do; it has done an update."""
        self.restarts.after_step()

    def assert_consistent(self) -> None:
        """Raise AssertionError unless missing edges are 0 and the ledger is right."""
        self.masks.assert_masked(self.optimizer)
        assert self.counts == _sums(self.live), "the ledger is not what there is"
        if self.masks.mask is not None:
            assert torch.equal(self.masks.mask, self._dead()), "births and masks disagree"

    def state_dict(self) -> dict[str, Any]:
        """Return plain data for `load_state_dict`, without model and optimizer."""
        return {
            "births": [births.clone() for births in self.births],
            "ledger": [tuple(event) for event in self.ledger],
            "restarts": self.restarts.state_dict(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, for weights and optimizer state restored with it."""
        for births, old in zip(self.births, saved["births"], strict=True):
            births.copy_(old)
        self.ledger = [EdgeEvent(*event) for event in saved["ledger"]]
        self.restarts.load_state_dict(saved["restarts"])
        self.masks.restore(self._dead())

    def _set_masks(self) -> None:
        self.masks.set(self._dead(), self.optimizer)

    def _dead(self) -> Tensor:
        return torch.cat([births.flatten() < 0 for births in self.births])

    def _record(self, step: int, dropped: Sequence[Tensor], grown: Sequence[Tensor]) -> None:
        self.ledger.append(EdgeEvent(step, _sums(self.live), _sums(dropped), _sums(grown)))

    def _none(self) -> list[Tensor]:
        return [torch.zeros_like(births, dtype=torch.bool) for births in self.births]


def _sums(masks: Sequence[Tensor]) -> tuple[int, ...]:
    return tuple(int(mask.sum()) for mask in masks)


def _plus(counts: tuple[int, ...], place: int, more: int) -> tuple[int, ...]:
    return (*counts[:place], counts[place] + more, *counts[place + 1 :])
