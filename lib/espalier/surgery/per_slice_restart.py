"""Newborn neurons and synapses train as under a fresh optimizer, whatever the optimizer.

How is decided once, by `espalier.surgery.restart_kinds`. docs/newborns.md has a table of how far
newborns are from a fresh optimizer, class by class.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from espalier.surgery.adam_restart import AdamRestart
from espalier.surgery.restart_kinds import RestartKind, kind_of
from espalier.surgery.restart_protocol import Restart
from espalier.surgery.shadow_restart import ShadowRestart
from espalier.surgery.state_restart import StateRestart


class Restarts:
    """Corrections of newborn slices and elements, for all parameters of one optimizer.

    Give it to an `EditContext`; then call `after_step` after each update of the optimizer. Raises
    ValueError for an optimizer under which nothing can begin anew.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self._restart = restart_of(optimizer)

    def note(self, parameter: Tensor, dim: int, index: Tensor) -> None:
        """Record that slices `index` (n,) along `dim` are born now; their state has been reset."""
        self._restart.note(parameter, dim, index)

    def note_elements(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        """Record that single elements are born now; `at` has an index (n,) for each dimension.

        Under Adam, of a parameter that no slices are noted of; every element of it is then looked
        at in each step.
        """
        self._restart.note_elements(parameter, at)

    def follow(self, parameter: Tensor, dim: int, source: Tensor) -> None:
        """Reindex: the parameter now has slices `source` of itself along `dim`, -1 for new."""
        self._restart.follow(parameter, dim, source)

    def after_step(self) -> None:
        """Correct newborn parameters after an update of the optimizer."""
        self._restart.after_step()

    def state_dict(self) -> dict[str, Any]:
        """Return the recorded births as plain data."""
        return self._restart.state_dict()

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the groups must be in the same order."""
        self._restart.load_state_dict(saved)


def restart_of(optimizer: torch.optim.Optimizer) -> Restart:
    """Return what makes newborns under `optimizer` start as under a fresh one, as far as it goes.

    Raises ValueError for an optimizer under which nothing can begin anew.
    """
    match kind_of(optimizer):
        case RestartKind.COUNTED:
            return AdamRestart(optimizer)
        case RestartKind.SHADOWED:
            return ShadowRestart(optimizer)
        case RestartKind.RESET | RestartKind.GENERIC:
            return StateRestart(optimizer)
