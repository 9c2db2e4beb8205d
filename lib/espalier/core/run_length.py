"""The length of a run, and the schedules that can tell from it alone whether they come to act.

Nothing here imports torch: a plan asks the same questions before anything runs. A module named
`*_schedule.py` holds `RunSchedule`s, and imports no torch either.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class RunLength(NamedTuple):
    """How long a run is."""

    epochs: int
    steps_per_epoch: int

    @property
    def total_steps(self) -> int:
        """The number of updates in the whole run."""
        return self.epochs * self.steps_per_epoch


class Rest(NamedTuple):
    """How long a network is left alone before it is measured, in steps.

    `left` come after the end of the last event, the least where there are several measures;
    `interval` lie between two events. `symbol` is the one that ends events earlier.
    """

    left: int
    interval: int
    symbol: str


class RunSchedule:
    """A group of symbols that says when something happens in a run.

    A trial that has all of its symbols is refused where it raises CannotTrain: when it is planned,
    and again when it is trained.
    """

    # The fields that say when something is to happen, in epochs or steps of the whole run, where 0
    # is never. They stretch with a run whose length is a matter of time.
    moments: ClassVar[tuple[str, ...]] = ()

    def check_epochs(self, epochs: int) -> None:
        """Raise CannotTrain if a run of so many epochs makes no sense, whatever an epoch is."""

    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain if a run of this length makes no sense."""

    def rest(self, length: RunLength) -> Rest | None:
        """Return what is left alone at the end; None without events after which that matters."""
        return None

    def check_length(self, length: RunLength) -> None:
        """Raise CannotTrain if either says so."""
        self.check_steps(length)
        self.check_epochs(length.epochs)


def steps_in(samples: int, batch_size: int) -> int:
    """Count the batches in one pass over `samples`, a smaller last one included.

    A single sample left over joins the batch before it, because BatchNorm cannot train on one.
    """
    leftover = 1 if batch_size > 1 and samples > batch_size and samples % batch_size == 1 else 0
    return -(-samples // batch_size) - leftover
