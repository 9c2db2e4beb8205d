"""Which waiting trials start first: those with priority, else in plan order.

`SEED` lets trials start in the order of that symbol's values, so that every configuration has one
repetition before any has its second; `LEARNING_RATE=0.01` lets those with the value go first.
Several, separated by commas, count from the left.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from espalier.core.errors import UserError
from espalier.core.trial import Trial

Place = Callable[[Trial], int]


class Priority:
    """An order of trials, made from its text and the axes of a plan."""

    def __init__(self, text: str = "", axes: Sequence[Mapping[str, Any]] = ()) -> None:
        """Without a text all trials are alike. Raises UserError for what is not swept."""
        values = {str(axis["symbol"]): list(map(str, axis["values"])) for axis in axes}
        self._places = [_place(part, values) for part in text.replace(" ", "").split(",") if part]

    def of(self, trial: Trial) -> tuple[int, ...]:
        """Return a key that is small for a trial that is to start early."""
        return tuple(place(trial) for place in self._places)

    def ordered(self, trials: Iterable[Trial]) -> list[Trial]:
        """Sort trials by priority; equal ones keep their order."""
        return sorted(trials, key=self.of)


class SeedsTogether(Priority):
    """The order of configurations, each with all of its seeds before the next one begins."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        """Take configurations in the order of `trials`, others behind them as they come."""
        super().__init__()
        self._order: dict[Hashable, int] = {}
        for trial in trials:
            self.of(trial)

    def of(self, trial: Trial) -> tuple[int, ...]:
        """Return the place of the trial's configuration."""
        return (self._order.setdefault(trial.configuration, len(self._order)),)


NONE = Priority()
"""Plan order."""


def _place(part: str, values: Mapping[str, list[str]]) -> Place:
    name, given, value = part.removeprefix("CONFIG_").partition("=")
    if name not in values:
        swept = ", ".join(values) or "nothing"
        raise UserError(f"PRIORITY={part}: must name a swept symbol; swept: {swept}")
    if given and value not in values[name]:
        raise UserError(f"PRIORITY={part}: no trial has it; known: {', '.join(values[name])}")
    order = [value] if given else values[name]
    places = {text: i for i, text in enumerate(order)}
    return lambda trial: places.get(trial.config.get(name, ""), len(places))
