"""Edits of the edges of a network: what all networks with edges have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol

import torch
from torch import Tensor
from typing_extensions import TypeVar

from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.structure.edge_network import (
    At,
    Batch,
    EdgeBlock,
    EdgeNetwork,
    LossOf,
    Observation,
)
from espalier.methods.growth.structure.structural_events import Event
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.restarts.restart_protocol import Restart

Net_co = TypeVar("Net_co", bound=EdgeNetwork, default=EdgeNetwork, covariant=True)


class NetworkSnapshot(Protocol):
    """The state of a network and what trains it, to go back to."""

    def restore(self) -> None:
        """Make everything what it was, bit for bit."""
        ...


@dataclass
class EdgeEditor(ABC, Generic[Net_co]):
    """A network, its optimizer, and the events so far.

    Call `before_step` after each backward pass and `after_step` after each update of the optimizer,
    before its learning rate changes: newborn edges then train as under a fresh optimizer. `step` is
    the birth step of the next edges; random numbers come from `generator`.
    """

    has_graph: ClassVar[bool] = False
    """Whether it is known which layer leads to which, so that units and layers can be added."""
    density_symbol: ClassVar[str]
    """The symbol of the density that the network begins with."""

    net: Net_co
    generator: torch.Generator
    optimizer: torch.optim.Optimizer | None = None
    step: int = 0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restarts = self._begin_restarts()
        self.added = self.dropped = 0  # edges, by the present operation

    def _begin_restarts(self) -> Restart | None:
        return None if self.optimizer is None else restart_of(self.optimizer)

    def allow_rollback(self) -> None:
        """Let operations be taken back from now on, also where each then takes a copy."""

    def before_step(self) -> None:
        """Zero the gradients of missing edges, after a backward pass."""

    def after_step(self) -> None:
        """Count a step and correct newborn edges; the optimizer has done an update."""
        self.step += 1
        if self.restarts is not None:
            self.restarts.after_step()

    @property
    def device(self) -> torch.device:
        """The device of the network, and of indices."""
        return next(self.net.parameters()).device

    @torch.no_grad()
    def connect(self, pair: Pair, at: At, weights: Tensor | float = 0.0) -> None:
        """Add edges at `at`, rows and columns (n,) of a block, which is made if there is none.

        Raises ValueError if one exists already, or is given twice.
        """
        block = self.block(pair)
        self._check_within(block, pair, at)
        columns = block.mask.shape[1]
        if len(torch.unique(at[0] * columns + at[1])) < len(at[0]):
            raise ValueError(f"an edge of block {self.name(pair)} is given twice")
        if live := _count_live(block, at):
            raise ValueError(f"{live} edges of block {self.name(pair)} are there")
        self._add(pair, at, weights)
        self.added += len(at[0])

    @torch.no_grad()
    def disconnect(self, pair: Pair, at: At) -> None:
        """Drop the edges at `at`, rows and columns (n,). Raises ValueError if one is not there."""
        self._check_live(pair, at)
        self._drop(pair, at)
        self.dropped += len(at[0])

    def _check_live(self, pair: Pair, at: At) -> None:
        """Raise ValueError unless all edges at `at` are live."""
        block = self.net.block(*pair)
        self._check_within(block, pair, at)
        if absent := len(at[0]) - _count_live(block, at):
            raise ValueError(f"{absent} edges of {self.name(pair)} are not there")

    def _check_within(self, block: EdgeBlock, pair: Pair, at: At) -> None:
        (rows, columns), (outputs, inputs) = at, block.mask.shape
        inside = (rows >= 0) & (rows < outputs) & (columns >= 0) & (columns < inputs)
        if not bool(inside.all()):
            raise ValueError(
                f"block {self.name(pair)} has {outputs} rows and {inputs} columns, and no place "
                f"for an edge at {rows[~inside][0]}, {columns[~inside][0]}"
            )

    def check_units(self, node: int, units: Iterable[int]) -> None:
        """Raise ValueError unless all `units` are places of `node`."""
        size = self.net.sizes[node]
        wrong = [unit for unit in units if not 0 <= unit < size]
        if wrong:
            raise ValueError(f"node {node} has the units 0 to {size - 1}, but not {wrong[0]}")

    @abstractmethod
    def name(self, pair: Pair) -> str:
        """Return the name of a block, for records and people."""

    @abstractmethod
    def module_name(self, pair: Pair) -> str:
        """Return the name of a block's module in the model."""

    @abstractmethod
    def block(self, pair: Pair) -> EdgeBlock:
        """Return the block of the network, made without a live edge if it can be made."""

    @abstractmethod
    def _add(self, pair: Pair, at: At, weights: Tensor | float) -> None:
        """Let missing edges be born now, their optimizer state 0."""

    @abstractmethod
    def _drop(self, pair: Pair, at: At) -> None:
        """Set live edges and their optimizer state to 0."""

    @abstractmethod
    def possible_pairs(self) -> list[Pair]:
        """Return every block that there is or could be."""

    @abstractmethod
    def necessary_edges(self) -> dict[Pair, Tensor]:
        """Return live edges that suffice to keep what is reached now, masks by block."""

    @abstractmethod
    def reached_outputs(self) -> Tensor:
        """Return which outputs are reached, (n,) bool; none where that is not known."""

    @abstractmethod
    def units_on_no_path(self) -> int | None:
        """Return the number of hidden units on no path; None where that is not known."""

    @abstractmethod
    def birth_steps(self, weight: Tensor) -> Tensor | None:
        """Return the birth steps of a weight's edges, in its shape; None for a bias."""

    @abstractmethod
    def older(self, parameter: Tensor) -> Tensor:
        """Return where a parameter is older than this step, bool in its shape."""

    @property
    @abstractmethod
    def live_parameters(self) -> int:
        """The parameters of the network without missing edges."""

    @abstractmethod
    def edge_gradients(self, batch: Batch, loss_of: LossOf) -> dict[Pair, Tensor]:
        """Return dloss/dw of all edges of possible blocks, in evaluation: (outputs, columns)."""

    @abstractmethod
    def observe(self, batch: Batch, loss_of: LossOf) -> Observation:
        """Observe the units on a batch, in evaluation; nothing changes."""

    @abstractmethod
    def snapshot(self) -> NetworkSnapshot:
        """Return the present state."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return plain data for `load_state_dict`, without network, optimizer and generator."""

    @abstractmethod
    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; load the state of network and optimizer next."""


def _count_live(block: EdgeBlock, at: At) -> int:
    return int(torch.count_nonzero(block.births[at] >= 0))


def cross(rows: Tensor, columns: Tensor) -> At:
    """Return the rows and columns of every pair of both, (rows * columns,) each."""
    return rows.repeat_interleave(len(columns)), columns.repeat(len(rows))


def mask_indices(mask: Tensor) -> At:
    """Return the rows and columns (n,) of the elements of a `mask` (outputs, inputs)."""
    rows, columns = mask.nonzero(as_tuple=True)
    return rows, columns
