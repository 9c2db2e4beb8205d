"""Operations that tell what they did and can be taken back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Concatenate, ParamSpec

from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.structural_events import Event
from espalier.surgery.rollback import Rollback

P = ParamSpec("P")


@dataclass(frozen=True)
class ReversibleChange:
    """What an operation returns: its event, and the way back, which takes memory until dropped."""

    event: Event
    ground: NetworkEditor = field(repr=False)
    before: Rollback = field(repr=False)
    earlier: int  # events before this one

    def roll_back(self) -> None:
        """Take back this operation and all that came after it, training included, bit for bit."""
        self.before.restore()
        del self.ground.events[self.earlier :]


def operation(
    act: Callable[Concatenate[NetworkEditor, P], Event],
) -> Callable[Concatenate[NetworkEditor, P], ReversibleChange]:
    """Make an operation of what changes a ground and tells the event, counts aside.

    If it raises ValueError, everything is as before.
    """

    @functools.wraps(act)
    def done(ground: NetworkEditor, /, *args: P.args, **named: P.kwargs) -> ReversibleChange:
        before = Rollback(ground.net, ground.optimizer, ground.restarts)
        ground.added = ground.dropped = 0
        try:
            event = act(ground, *args, **named)
        except ValueError:
            before.restore()
            raise
        edges = replace(event, added=ground.added, dropped=ground.dropped, live=ground.net.live)
        complete = replace(edges, step=ground.step)
        ground.events.append(complete)
        return ReversibleChange(complete, ground, before, len(ground.events) - 1)

    return done
