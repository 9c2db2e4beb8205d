"""The operations of a run: counted where its structure or its masks change, summed over updates.

Between changes an update costs the comparison of some numbers: samples are counted, and multiplied
when they are read or something changes. Nothing waits for the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core.contracts import Run, StateDict
from espalier.core.self_measuring import PartlyLive
from espalier.core.trial import Record
from espalier.sparse.optimizer_parts import tensors_of
from espalier.train.costs.layer_products import (
    LayerProduct,
    Operations,
    find_products,
    scale,
    stored_live,
)


@dataclass
class _Samples:
    """Samples passed forward and backward."""

    forward: int = 0
    backward: int = 0


@dataclass
class CostMeter:
    """The `costs` of a run.

    `live` and `dense` are the operations of all updates and passes of earlier structures.
    """

    live: int = 0
    dense: int = 0
    _shapes: tuple[Any, ...] | None = None  # of the structure that `_products` are of
    _changes: int = -1  # changes of the masks that `_counts` are of
    _products: list[LayerProduct] = field(default_factory=list)
    _counts: Tensor | None = None  # live weights of each product, (products,) int64
    _extra: Tensor | None = None  # masked weights of each that are trained, (products,) int64
    _sums: Tensor | None = None  # of live, live and extra, a sample for- or backward (3, products)
    _passed: _Samples = field(default_factory=_Samples)  # since the counts changed

    def begin_epoch(self, run: Run) -> None:
        """Look at the whole structure anew, where a method may change it."""
        if not run.method.packable:
            self._close_structure()

    def add(self, run: Run, forward: int, backward: int) -> None:
        """Add samples that pass the network as it is now."""
        self._look(run)
        self._passed.forward += forward
        self._passed.backward += backward

    def add_operations(self, operations: int) -> None:
        """Add operations of passes that are not of the network as it is."""
        self.live += operations
        self.dense += operations

    def measures(self, run: Run) -> Record:
        """Return operations of a sample, of an update and of the run so far, and bytes.

        An update is one of a full batch.
        """
        self._look(run)
        self._settle()
        assert self._counts is not None and self._extra is not None, "there has been a look"
        live, dense = scale(self._products, self._counts.tolist()), self._dense()
        live = live.plus_backward(scale(self._products, self._extra.tolist()).forward)
        batch = min(run.batch_size, len(run.train))
        return {
            "flops_forward": live.forward,
            "flops_backward": live.backward,
            "flops_update": live.both * batch,
            "flops_total": self.live,
            "flops_dense_forward": dense.forward,
            "flops_dense_backward": dense.backward,
            "flops_dense_update": dense.both * batch,
            "flops_dense_total": self.dense,
            "bytes_weights": sum(p.numel() * p.element_size() for p in run.model.parameters()),
            "bytes_state": count_state_bytes(run.model, run.optimizer),
        }

    def state_dict(self) -> StateDict:
        """Return all that `load_state_dict` needs."""
        self._settle()
        return {"live": self.live, "dense": self.dense}

    def load_state_dict(self, state: StateDict) -> None:
        """Go back to the sums that `state_dict` returned."""
        self._passed = _Samples()
        self._close_structure()
        self.live, self.dense = state["live"], state["dense"]

    def _look(self, run: Run) -> None:
        """Count anew if structure or masks are not those of the last look."""
        shapes = () if run.method.packable else _shapes(run)
        changes = 0 if run.masks is None else run.masks.changes
        if self._shapes != shapes:
            self._close_structure()
            x, _ = next(iter(run.train.pieces(1)))
            self._shapes, self._products = shapes, find_products(run.model, x[:1])
            self._changes = changes - 1
        if self._changes != changes:
            self._close_masks()
            self._changes, self._counts = changes, _count_live(run, self._products)
            self._extra = _count_extra(run, self._products)

    def _close_masks(self) -> None:
        """Add what has passed under the masks of before to the sums."""
        passed, self._passed = self._passed, _Samples()
        if self._counts is None or self._extra is None:
            return
        if not (passed.forward or passed.backward):
            return
        counts = torch.stack([self._counts, self._counts, self._extra])
        samples = (passed.forward, passed.backward, passed.backward)
        part = counts * counts.new_tensor(samples).unsqueeze(1)
        self._sums = part if self._sums is None else self._sums + part
        dense = self._dense()
        self.dense += dense.forward * passed.forward + dense.backward * passed.backward

    def _settle(self) -> None:
        """Add what has passed to the totals."""
        self._close_masks()
        if self._sums is not None:
            forward, backward, extra = self._sums.tolist()
            self.live += scale(self._products, forward).forward
            self.live += scale(self._products, backward).backward
            self.live += scale(self._products, extra).forward  # a gradient costs as much
        self._sums = None

    def _close_structure(self) -> None:
        """Add what has passed under the structure of before, and forget that."""
        self._settle()
        self._shapes, self._products, self._counts = None, [], None

    def _dense(self) -> Operations:
        """Return the operations of a sample with all weights."""
        return scale(self._products, [product.size for product in self._products])


def _shapes(run: Run) -> tuple[Any, ...]:
    """Return what changes with the structure: the shapes of trained parameters, and events."""
    groups = run.optimizer.param_groups
    shapes = tuple(parameter.shape for group in groups for parameter in group["params"])
    return shapes, run.method.changes(run)


def _count_live(run: Run, products: Sequence[LayerProduct]) -> Tensor:
    """Return the live weights of each product, (products,) int64, without waiting for a device."""
    masks = _masks_by_weight(run)
    counts = torch.tensor([stored_live(each) for each in products], device=run.train.device)
    for place, product in enumerate(products):
        for weight in product.weights:
            if id(weight) in masks and not isinstance(product.layer, PartlyLive):
                counts[place] -= torch.count_nonzero(~masks[id(weight)])
    return counts


def _count_extra(run: Run, products: Sequence[LayerProduct]) -> Tensor:
    """Return the masked weights of each product that get gradients all the same, (products,)."""
    masks = {} if run.masks is None else _by_weight(run, run.masks.trained_masks() or [])
    live = _masks_by_weight(run)
    counts = torch.zeros(len(products), dtype=torch.int64, device=run.train.device)
    for place, product in enumerate(products):
        for weight in product.weights:
            if id(weight) in masks:
                counts[place] += torch.count_nonzero(masks[id(weight)] & ~live[id(weight)])
    return counts


def _masks_by_weight(run: Run) -> dict[int, Tensor]:
    """Return the masks of live weights that the method keeps, by the identity of the weight."""
    return {} if run.masks is None else _by_weight(run, run.masks.live_masks())


def _by_weight(run: Run, masks: Sequence[Tensor]) -> dict[int, Tensor]:
    """Return masks of the weights that the method masks, by the identity of the weight."""
    assert run.masks is not None
    named = dict(run.model.named_parameters(remove_duplicate=False))
    return {
        id(named[name]): mask
        for name, mask in zip(run.masks.names, masks, strict=False)
        if name in named and named[name].shape == mask.shape
    }


def count_state_bytes(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Return the bytes of all tensors that an optimizer keeps of the parameters of `model`."""
    kept = (x for p in model.parameters() for _, x in tensors_of(optimizer, p))
    return sum(x.numel() * x.element_size() for x in kept)
