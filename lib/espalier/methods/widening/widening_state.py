"""What changes in a run whose layers are widened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from espalier.methods.widening.widening_costs import WideningCosts
from espalier.surgery.edit_context import EditContext
from espalier.surgery.resize import resize
from espalier.surgery.restarts.restart_protocol import Restart


@dataclass
class WideningState:
    """The pairs that are widened up to `full` neurons each, after the updates `events`."""

    sites: list[EditContext]
    full: list[int]
    restarts: Restart
    events: tuple[int, ...]
    costs: WideningCosts
    charged: int  # epochs that extra passes take
    updates: int = 0
    done: int = 0  # events
    added: int = 0  # neurons
    extra_passes: int = 0  # batches that found neurons
    difference: float = 0.0  # largest change of a logit at any event

    @property
    def sizes(self) -> list[int]:
        """The neurons of each pair now."""
        return [site.pair.size for site in self.sites]

    def state_dict(self) -> dict[str, Any]:
        """Return all but the model's and the optimizer's own states."""
        names = ("updates", "done", "added", "extra_passes", "difference")
        counts = {name: vars(self)[name] for name in names}
        births = self.restarts.state_dict()
        return {"sizes": self.sizes, "counts": counts, "births": births}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; layers take the sizes they had."""
        for site, size in zip(self.sites, saved["sizes"], strict=True):
            resize(site, size)
        for name, value in saved["counts"].items():
            setattr(self, name, value)
        self.restarts.load_state_dict(saved["births"])
