"""The state of a growing network: the `method_state` of every growing method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Self

import torch
from torch import Tensor
from typing_extensions import TypeVar

from espalier.core.birth_record import GrowthEvent
from espalier.core.contracts import StateDict
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.structure.edge_network import EdgeNetwork
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.structural_events import Event
from espalier.methods.growth.timing.event_cost import EventCosts
from espalier.methods.growth.timing.gradient_variance import VarianceTrigger
from espalier.methods.growth.timing.growth_credits import Ledger
from espalier.methods.growth.timing.growth_schedule import Plateau


@dataclass
class Memory:
    """State of a single method beside `GrowthState`: plain data and tensors."""

    def state_dict(self) -> StateDict:
        """Return the fields, tensors copied."""
        return {k: v.clone() if torch.is_tensor(v) else v for k, v in vars(self).items()}

    @classmethod
    def from_state(cls, saved: Mapping[str, Any]) -> Self:
        """Return the memory that `state_dict` was taken from."""
        return cls(**saved)


Memory_co = TypeVar("Memory_co", bound=Memory, default=Memory, covariant=True)


@dataclass
class GrowthState(Generic[Memory_co]):
    """The `method_state` of a run: the network's editor, triggers, ledger and counts."""

    editor: EdgeEditor
    memory: Memory_co
    variance: VarianceTrigger | None = None
    plateau: Plateau | None = None
    ledger: Ledger | None = None
    fired: bool = False
    num_events: int = 0  # at which the network could grow
    steps: list[int] = field(default_factory=list)  # after which it did grow
    event_costs: EventCosts = field(default_factory=EventCosts)
    _growths: tuple[list[int], Event | None, list[GrowthEvent]] | None = None  # as last worked out

    @property
    def net(self) -> EdgeNetwork:
        """The network that grows."""
        return self.editor.net

    @property
    def graph(self) -> NetworkEditor:
        """The editor of a network of which it is known which layer leads to which."""
        assert isinstance(self.editor, NetworkEditor), "the method needs a graph, and has none"
        return self.editor

    def birth_steps(self, parameter: Tensor) -> Tensor | None:
        """Return the births of the edges of a block, None of any other parameter."""
        return self.editor.birth_steps(parameter)

    def growths(self) -> list[GrowthEvent]:
        """Return the events; layers are those whose edges are still there."""
        last = self.editor.events[-1] if self.editor.events else None
        if self._growths is None or self._growths[:2] != (self.steps, last):
            growths = [GrowthEvent(step, _born_at(self.editor, step)) for step in self.steps]
            self._growths = (list(self.steps), last, growths)
        return self._growths[2]

    def state_dict(self) -> StateDict:
        """Return plain data and tensors for `load_state_dict`."""
        return {
            "ground": self.editor.state_dict(),
            "noise": None if self.variance is None else self.variance.state_dict(),
            "plateau": None if self.plateau is None else vars(self.plateau).copy(),
            "ledger": None if self.ledger is None else self.ledger.state_dict(),
            "moments": self.num_events,
            "steps": list(self.steps),
            "setbacks": self.event_costs.state_dict(),
            "memory": self.memory.state_dict(),
        }

    def load_state_dict(self, saved: StateDict) -> None:
        """Go back to where `state_dict` was taken."""
        self.editor.load_state_dict(saved["ground"])
        if self.variance is not None:
            self.variance.load_state_dict(saved["noise"])
        self.plateau = None if saved["plateau"] is None else Plateau(**saved["plateau"])
        if self.ledger is not None:
            self.ledger.load_state_dict(saved["ledger"])
        self.num_events, self.steps, self.fired = saved["moments"], list(saved["steps"]), False
        self.event_costs.load_state_dict(saved["setbacks"])
        self.memory, self._growths = self.memory.from_state(saved["memory"]), None


def _born_at(editor: EdgeEditor, step: int) -> tuple[str, ...]:
    born = (pair for pair, block in editor.net.each() if bool((block.births == step).any()))
    return tuple(map(editor.module_name, born))
