"""What failed in a sweep before it is shown, for a view that begins or goes on."""

from __future__ import annotations

from collections.abc import Iterable

from espalier.core.trial import Result, Status
from espalier.run.displays.progress import Ending
from espalier.store.attempt import Attempt
from espalier.store.store import Store
from espalier.store.sweep_follower import SweepFollower


def earlier_failures(store: Store) -> list[Ending]:
    """Return the attempts of a sweep that have failed so far, in the order in which they ended."""
    follower = SweepFollower(store)
    return failed_endings(follower, follower.look().ended)


def failed_endings(follower: SweepFollower, ended: Iterable[Attempt]) -> list[Ending]:
    """Return those of a look's `ended` attempts that failed; not those that say nothing."""
    return [
        Ending(follower.name(item.trial), result_of(item), follower.seconds(item))
        for item in ended
        if item.conclusive and item.status not in (Status.PASSED, Status.STOPPED)
    ]


def result_of(attempt: Attempt) -> Result:
    """Return as much of the result of an attempt as its row says: how it ended, and why."""
    return Result(attempt.status, attempt.reason, attempt.message)
