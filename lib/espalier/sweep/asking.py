"""Asking workers how many trials of a shape one program should train."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.sweep.child import Event, Finished
from espalier.sweep.packing import Answer, answered
from espalier.sweep.pool import Executor
from espalier.sweep.worker import PROBE, Member, Task
from espalier.trial import Trial

PATIENCE = 60.0
"""Seconds after which a question is given up."""


@dataclass
class _Question:
    shape: str
    asked: float  # of time.monotonic()
    answer: Answer | None = None


class Asking:
    """The slots whose workers have been asked and have not answered."""

    def __init__(self, executor: Executor, settings: dict[str, str], folder: Path) -> None:
        """What workers print while they think goes to a log in `folder`."""
        self._executor, self._settings, self._folder = executor, settings, folder
        self._open: dict[int, _Question] = {}

    def __contains__(self, slot: int) -> bool:
        return slot in self._open

    def __iter__(self) -> Iterator[int]:
        return iter(self._open)

    def task(self, slot: int, trials: Sequence[Trial]) -> Task:
        """The question about the shape of `trials`, for the worker of `slot`."""
        self._open[slot] = _Question(trials[0].shape, time.monotonic())
        members = tuple(Member(trial, self._folder, 0) for trial in trials)
        return Task(members, self._settings, PROBE)

    def hear(self, event: Event) -> None:
        """Something came from a slot that was asked."""
        if isinstance(event, Finished):
            self._open[event.slot].answer = answered(event.result)

    def answers(self) -> Iterator[tuple[str, Answer]]:
        """Shapes and the answers for them, as they come; late is one at a time."""
        for slot, question in list(self._open.items()):
            if question.answer is None and time.monotonic() - question.asked > PATIENCE:
                self._executor.kill(slot)
                question.answer = Answer(1, f"the probe took over {PATIENCE:.0f} s")
            if question.answer is not None:
                del self._open[slot]
                yield question.shape, question.answer
