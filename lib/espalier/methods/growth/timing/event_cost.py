"""What events cost for the moment: the accuracy on validation before and after each, and later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class EventCost:
    """Accuracies in percent `before` and `after` the event at `step`, no update between them.

    `later`: at the end of the first epoch with an epoch of updates behind the event.
    """

    step: int
    before: float
    after: float
    later: float | None = None


@dataclass
class EventCosts:
    """Of all events of a run, in order."""

    seen: list[EventCost] = field(default_factory=list)

    def note(self, step: int, before: float, after: float) -> None:
        """An event followed update `step`."""
        self.seen.append(EventCost(step, before, after))

    def due(self, step: int, epoch: int) -> list[EventCost]:
        """Those that an accuracy after update `step` is wanted of; `epoch` updates are one."""
        return [one for one in self.seen if one.later is None and step - one.step >= epoch]

    def settle(self, step: int, epoch: int, accuracy: float) -> None:
        """At the end of an epoch, after update `step`, the accuracy is this."""
        for one in self.due(step, epoch):
            one.later = accuracy

    def measures(self) -> dict[str, float]:
        """The largest falls, in points; below 0 if accuracy rose every time.

        `event_drop`: by an event itself. `epoch_drop`: from before it to an epoch later.
        """
        later = [one.before - one.later for one in self.seen if one.later is not None]
        found = {"event_drop": [one.before - one.after for one in self.seen], "epoch_drop": later}
        return {name: max(drops) for name, drops in found.items() if drops}

    def state_dict(self) -> list[dict[str, Any]]:
        """What `load_state_dict` needs."""
        return [asdict(one) for one in self.seen]

    def load_state_dict(self, saved: Sequence[Mapping[str, Any]]) -> None:
        """The inverse of `state_dict`."""
        self.seen = [EventCost(**one) for one in saved]
