"""Structural operations that record their event and can be rolled back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from espalier.methods.growth.structure.edge_editor import EdgeEditor, NetworkSnapshot
from espalier.methods.growth.structure.structural_events import Event

P = ParamSpec("P")
Editor = TypeVar("Editor", bound=EdgeEditor[Any])


@dataclass(frozen=True)
class ReversibleChange:
    """The result of an operation: its event, and the state before it, which takes memory."""

    event: Event
    editor: EdgeEditor = field(repr=False)
    before: NetworkSnapshot = field(repr=False)
    earlier: int  # events before this one

    def roll_back(self) -> None:
        """Undo this operation and everything after it, training included, bit for bit."""
        self.before.restore()
        del self.editor.events[self.earlier :]


def operation(
    act: Callable[Concatenate[Editor, P], Event],
) -> Callable[Concatenate[Editor, P], ReversibleChange]:
    """Decorate a function that changes the editor's network and returns an event without counts.

    The event is completed and recorded. If the function raises ValueError, the network is restored.
    """

    @functools.wraps(act)
    def operate(editor: Editor, /, *args: P.args, **named: P.kwargs) -> ReversibleChange:
        before = editor.snapshot()
        editor.added = editor.dropped = 0
        try:
            event = act(editor, *args, **named)
        except ValueError:
            before.restore()
            raise
        edges = replace(event, added=editor.added, dropped=editor.dropped, live=editor.net.live)
        complete = replace(edges, step=editor.step)
        editor.events.append(complete)
        return ReversibleChange(complete, editor, before, len(editor.events) - 1)

    return operate
