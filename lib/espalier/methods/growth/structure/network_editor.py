"""Edits of a network of masked blocks: the smallest steps of structural operations.

A `NetworkEditor` holds a network of masked blocks and its optimizer. Its methods keep masks,
births, weights, shapes and optimizer state consistent. The operations that are made of them, and
the reasons why they preserve the network's function, are in
`espalier.methods.growth.structure.operations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from espalier.layers.masked_blocks import Blocks, Pair, key
from espalier.layers.masked_linear import MaskedLinear
from espalier.methods.growth.structure.structural_events import Event
from espalier.sparse.masked_weight import find_births
from espalier.surgery import optimizer_state
from espalier.surgery.per_slice_restart import Restarts


@dataclass
class NetworkEditor:
    """A network, its optimizer, and the events so far.

    Call `after_step` after each update of the optimizer, before its learning rate changes: newborn
    edges then train as under a fresh optimizer. `step` is the birth step of the next edges;
    random numbers come from `generator`.
    """

    net: Blocks
    generator: torch.Generator
    optimizer: torch.optim.Optimizer | None = None
    step: int = 0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restarts = None if self.optimizer is None else Restarts(self.optimizer)
        self.added = self.dropped = 0  # edges, by the present operation

    def after_step(self) -> None:
        """Count a step and correct newborn edges; the optimizer has done an update."""
        self.step += 1
        if self.restarts is not None:
            self.restarts.after_step()

    @property
    def device(self) -> torch.device:
        """The device of the network, and of indices."""
        return next(self.net.parameters()).device

    def birth_steps(self, weight: Tensor) -> Tensor | None:
        """Return the birth steps of a weight's edges, in its shape; None for a bias."""
        return find_births((block for _, block in self.net.each()), weight)

    def state_dict(self) -> dict[str, Any]:
        """Return plain data for `load_state_dict`, without network, optimizer and generator."""
        return {
            "structure": self.net.structure(),
            "step": self.step,
            "births": None if self.restarts is None else self.restarts.state_dict(),
            "events": [vars(event) for event in self.events],
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; load the state of network and optimizer next."""
        self.rebuild(saved["structure"])
        self.step = saved["step"]
        self.events = [Event(**event) for event in saved["events"]]
        if self.restarts is not None:
            self.restarts.load_state_dict(saved["births"])

    @torch.no_grad()
    def connect(self, pair: Pair, at: tuple[Tensor, Tensor], weights: Tensor | float = 0.0) -> None:
        """Add edges at `at`, rows and columns (n,) of a block, which is made if there is none.

        Raises ValueError if one exists already, or is given twice.
        """
        block = self.block(pair)
        _check_within(block, pair, at)
        if len(set(zip(*map(torch.Tensor.tolist, at), strict=True))) < len(at[0]):
            raise ValueError(f"an edge of block {key(pair)} is asked for twice")
        if live := block.count_live(at):
            raise ValueError(f"{live} edges of block {key(pair)} are there")
        block.add(at, self.step, weights)
        self._reset_state(block.weight, at)
        self.added += len(at[0])

    @torch.no_grad()
    def disconnect(self, pair: Pair, at: tuple[Tensor, Tensor]) -> None:
        """Drop the edges at `at`, rows and columns (n,). Raises ValueError if one is not there."""
        block = self._block_with(pair, at)
        block.remove(at)
        self._reset_state(block.weight, at)
        self.dropped += len(at[0])

    @torch.no_grad()
    def rebirth(self, pair: Pair, at: tuple[Tensor, Tensor], weights: Tensor | float = 0.0) -> None:
        """Let live edges at rows and columns `at` (n,) of a block be born again now."""
        block = self._block_with(pair, at)
        block.add(at, self.step, weights)
        self._reset_state(block.weight, at)

    def _block_with(self, pair: Pair, at: tuple[Tensor, Tensor]) -> MaskedLinear:
        """Return the block. Raises ValueError unless all its edges at `at` are live."""
        block = self.net.block(*pair)
        _check_within(block, pair, at)
        if absent := len(at[0]) - block.count_live(at):
            raise ValueError(f"{absent} edges of {key(pair)} are not there")
        return block

    def _reset_state(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        optimizer_state.reset_elements(self.optimizer, parameter, at)
        if self.restarts is not None:
            self.restarts.note_elements(parameter, at)

    def block(self, pair: Pair) -> MaskedLinear:
        """Return the block of the network, made without a live edge if there is none."""
        net, (i, j) = self.net, pair
        if pair not in net.pairs:
            self._check_forward(i, j)
            first = net.blocks[key((j - 1, j))]
            assert isinstance(first, MaskedLinear)
            self.add(pair, _empty(net.sizes[j], net.sizes[i], first.weight))
            self.arrange()
        return net.block(i, j)

    def _check_forward(self, i: int, j: int) -> None:
        if not 0 <= i < j <= self.net.last:
            last = self.net.last
            raise ValueError(f"0 <= i < j <= {last} must hold for a block, but i={i} and j={j}")

    def add(self, pair: Pair, block: MaskedLinear) -> None:
        """Add a block to the network and its optimizer; then call `arrange`."""
        like = next(block for _, block in self.net.each())
        optimizer_state.add_param(self.optimizer, block.weight, like.weight)
        if block.bias is not None:
            assert like.bias is not None  # the first block is one of the chain
            optimizer_state.add_param(self.optimizer, block.bias, like.bias)
        self.net.blocks[key(pair)] = block.to(like.weight)

    def arrange(self) -> None:
        """Put blocks, and the optimizer's parameters, in order after some have been added."""
        self.net.arrange()
        optimizer_state.sort_params(self.optimizer, self.net.parameters())

    @torch.no_grad()
    def extend(self, node: int, extra: int) -> Tensor:
        """Add units without edges at the end of a hidden node; return their places (extra,)."""
        self.check_hidden(node)
        optimizer_state.check_resizable(self.optimizer, self.net.parameters())
        size, device = self.net.sizes[node], self.device
        source = torch.cat([torch.arange(size), torch.full((extra,), -1)]).to(device)
        for _, block in self.net.into(node):
            self._rebuild(block, 0, source)
        for _, block in self.net.out_of(node):
            self._rebuild(block, 1, source)
        self.net.sizes[node] += extra
        return torch.arange(size, size + extra, device=device)

    def check_hidden(self, node: int) -> None:
        """Raise ValueError unless `node` is one of hidden units."""
        if not 0 < node < self.net.last:
            last = self.net.last
            raise ValueError(f"nodes 1 to {last - 1} have hidden units, but not node {node}")

    def check_units(self, node: int, units: Iterable[int]) -> None:
        """Raise ValueError unless all `units` are places of `node`."""
        size = self.net.sizes[node]
        wrong = [unit for unit in units if not 0 <= unit < size]
        if wrong:
            raise ValueError(f"node {node} has the units 0 to {size - 1}, but not {wrong[0]}")

    def _rebuild(self, block: MaskedLinear, dim: int, source: Tensor) -> None:
        parameters = [block.weight, *([block.bias] if block.bias is not None and dim == 0 else [])]
        for parameter in parameters:
            optimizer_state.rebuild(self.optimizer, parameter, dim, source)
            if self.restarts is not None:
                self.restarts.follow(parameter, dim, source)
        block.reindex(dim, source)

    @torch.no_grad()
    def set_biases(self, node: int, units: Tensor, values: Tensor | float) -> None:
        """Set the biases of `units` (n,) of a node and reset their optimizer state."""
        bias = self.net.block(node - 1, node).bias
        assert bias is not None
        bias[units] = torch.as_tensor(values).to(bias)
        self._reset_state(bias, (units,))

    def renumber(self, beyond: int) -> None:
        """Make room for a node behind node `beyond`: the numbers of later ones rise by 1.

        The chain's block out of `beyond` becomes one out of the new node; then call `arrange`.
        """
        net = self.net
        moved = {}
        for (i, j), block in net.each():
            first = i + (i > beyond or (i, j) == (beyond, beyond + 1))
            moved[key((first, j + (j > beyond)))] = block
        net.blocks.clear()
        net.blocks.update(moved)
        net.arrange()

    def rebuild(self, structure: Mapping[str, Any]) -> None:
        """Give the network a `Blocks.structure`, for the state of such a network to be loaded.

        All parameters are new and without state: load those of model and optimizer next.
        """
        old = list(self.net.parameters())
        fresh, like = Blocks.of_structure(structure), old[0]
        for parameter in fresh.to(like).parameters():
            like_it = next(p for p in old if p.ndim == parameter.ndim)  # weight or bias
            optimizer_state.add_param(self.optimizer, parameter, like_it)
        for parameter in old:
            optimizer_state.remove_param(self.optimizer, parameter)
        self.net.sizes = fresh.sizes
        self.net.blocks.clear()
        self.net.blocks.update(dict(fresh.blocks.items()))
        self.arrange()
        self.restarts = None if self.optimizer is None else Restarts(self.optimizer)


def _check_within(block: MaskedLinear, pair: Pair, at: tuple[Tensor, Tensor]) -> None:
    rows, columns = at
    inside = (rows >= 0) & (rows < block.outputs) & (columns >= 0) & (columns < block.inputs)
    if not bool(inside.all()):
        raise ValueError(
            f"block {key(pair)} has {block.outputs} rows and {block.inputs} columns, but an edge "
            f"at {rows[~inside][0]}, {columns[~inside][0]} is asked for"
        )


def _empty(outputs: int, inputs: int, like: Tensor) -> MaskedLinear:
    mask = torch.zeros(outputs, inputs, dtype=torch.bool, device=like.device)
    return MaskedLinear(mask, bias=False)


def cross(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows and columns of every pair of both, (rows * columns,) each."""
    return rows.repeat_interleave(len(columns)), columns.repeat(len(rows))


def mask_indices(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows and columns (n,) of the elements of a `mask` (outputs, inputs)."""
    rows, columns = mask.nonzero(as_tuple=True)
    return rows, columns
