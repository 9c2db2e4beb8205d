"""Newborns whose state at birth is all that is done for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from espalier.surgery import optimizer_state


class StateRestart:
    """Sets the state of newborns as they are noted, and corrects nothing afterwards.

    Exact where a momentum of 0 is all that a fresh optimizer has (SGD); generic elsewhere.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def note(self, parameter: Tensor, dim: int, index: Tensor) -> None:
        """Let slices `index` (n,) along `dim` begin anew."""
        optimizer_state.reset_slices(self.optimizer, parameter, dim, index)

    def note_elements(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        """Let single elements begin anew; `at` has an index (n,) for each dimension."""
        optimizer_state.reset_elements(self.optimizer, parameter, at)

    def follow(self, parameter: Tensor, dim: int, source: Tensor) -> None:
        """Do nothing: state follows by itself."""

    def after_step(self) -> None:
        """Do nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Return that nothing is recorded."""
        return {"births": {}, "elements": {}}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Do nothing."""
