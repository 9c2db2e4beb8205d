"""Events that are as far apart as they can be, up to a share of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from typing_extensions import override

from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength, RunSchedule
from espalier.sparse.schedule import last_event


@dataclass(frozen=True)
class EvenEvents:
    """So many events as `count`, the last at the end of the share `stop` of all updates.

    `symbols` are those of the two, without `CONFIG_`.
    """

    count: int
    stop: float
    symbols: tuple[str, str]

    def steps(self, total: int) -> tuple[int, ...]:
        """Return the updates, 1 being the first of `total`, that an event follows, ascending."""
        last = last_event(self.stop, total)
        return tuple(last * number // self.count for number in range(1, self.count + 1))

    def rest(self, length: RunLength) -> Rest:
        """Take the last event, and events as far apart as they are.

        A single event has no interval: half of the way to it stands for one.
        """
        last = last_event(self.stop, length.total_steps)
        return Rest(length.total_steps - last, last // max(2, self.count), self.symbols[1])

    def check(self, length: RunLength) -> None:
        """Raise CannotTrain unless each event has an update of its own."""
        last = last_event(self.stop, length.total_steps)
        if self.count > last:
            count, stop = self.symbols
            raise CannotTrain(
                "growth_never_starts",
                f"there are to be {self.count} events, but growth ends at {last} of "
                f"{length.total_steps} steps: lower CONFIG_{count}, or raise "
                f"CONFIG_{stop} or CONFIG_NUM_EPOCHS",
            )


class EvenSchedule(RunSchedule, ABC):
    """A group of symbols that says how many events there are, and when the last comes."""

    @property
    @abstractmethod
    def even(self) -> EvenEvents:
        """The events."""

    def steps(self, total: int) -> tuple[int, ...]:
        """Return the updates, 1 being the first of `total`, that an event follows, ascending."""
        return self.even.steps(total)

    @override
    def rest(self, length: RunLength) -> Rest | None:
        """Take the last event, and events as far apart as they are."""
        return self.even.rest(length)

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain unless each event has an update of its own."""
        self.even.check(length)
