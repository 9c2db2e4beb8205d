"""The cost of structural events: the validation accuracy before and after each, and later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class EventCost:
    """Validation accuracies in percent just `before` and just `after` the event at `step`.

    `later`: at the end of the first epoch with an epoch of updates behind the event.
    """

    step: int
    before: float
    after: float
    later: float | None = None


@dataclass
class EventCosts:
    """The costs of all events of a run, in order."""

    events: list[EventCost] = field(default_factory=list)

    def add(self, step: int, before: float, after: float) -> None:
        """Add an event that followed update `step`."""
        self.events.append(EventCost(step, before, after))

    def pending(self, step: int, epoch: int) -> list[EventCost]:
        """Return the events whose later accuracy is due at `step`; `epoch`: updates in one."""
        return [
            event for event in self.events if event.later is None and step - event.step >= epoch
        ]

    def complete(self, step: int, epoch: int, accuracy: float) -> None:
        """Set the later accuracy of pending events at the end of an epoch, after update `step`."""
        for event in self.pending(step, epoch):
            event.later = accuracy

    def measures(self) -> dict[str, float]:
        """Return the largest falls, in points; below 0 if accuracy rose every time.

        `event_drop`: by an event itself. `epoch_drop`: from before it to an epoch later.
        """
        later = [event.before - event.later for event in self.events if event.later is not None]
        drops = {"event_drop": [event.before - event.after for event in self.events]}
        return {k: max(v) for k, v in {**drops, "epoch_drop": later}.items() if v}

    def state_dict(self) -> list[dict[str, Any]]:
        """Return plain data for `load_state_dict`."""
        return [asdict(event) for event in self.events]

    def load_state_dict(self, saved: Sequence[Mapping[str, Any]]) -> None:
        """Restore what `state_dict` returned."""
        self.events = [EventCost(**event) for event in saved]
