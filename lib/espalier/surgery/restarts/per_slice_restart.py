"""Newborn neurons and synapses train as under a fresh optimizer, whatever the optimizer.

How is decided once, by `espalier.surgery.restarts.restart_kinds`. docs/newborns.md has a table of
how far newborns are from a fresh optimizer, class by class.
"""

from __future__ import annotations

import torch

from espalier.surgery.restarts.adam_restart import AdamRestart
from espalier.surgery.restarts.restart_kinds import RestartKind, kind_of
from espalier.surgery.restarts.restart_protocol import Restart
from espalier.surgery.restarts.shadow_restart import ShadowRestart
from espalier.surgery.restarts.state_restart import StateRestart


def restart_of(optimizer: torch.optim.Optimizer) -> Restart:
    """Return what makes newborns under `optimizer` start as under a fresh one, as far as it goes.

    Give it to an `EditContext`; then call `after_step` after each update of the optimizer.
    Raises ValueError for an optimizer under which nothing can begin anew.
    """
    match kind_of(optimizer):
        case RestartKind.COUNTED:
            return AdamRestart(optimizer)
        case RestartKind.SHADOWED:
            return ShadowRestart(optimizer)
        case RestartKind.RESET | RestartKind.GENERIC:
            return StateRestart(optimizer)
