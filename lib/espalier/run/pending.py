"""What is left to run of a sweep, and how many attempts each trial has left."""

from __future__ import annotations

from collections import Counter

from espalier.core.trial import Status
from espalier.run.workers.worker import FINAL, OOM
from espalier.store.attempt import INCONCLUSIVE
from espalier.store.store import Store


def pending(store: Store, allowance: int) -> list[int]:
    """Return the trials to run, in plan order: without a conclusion, or with an error to retry."""
    used = spent(store, allowance)
    unfinished = (Status.NOTRUN, Status.RUNNING)
    return [
        number
        for number, status in store.states().items()
        if status in unfinished or (status is Status.ERROR and used[number] < allowance)
    ]


def cost(status: Status, reason: str, allowance: int) -> int:
    """Return how much of a trial's allowance of attempts an attempt uses up."""
    if status != Status.ERROR or reason in INCONCLUSIVE:
        return 0
    return allowance if reason in FINAL else 1


def spent(store: Store, allowance: int, number: int | None = None) -> Counter[int]:
    """Return, by trial, how much of its allowance the attempts of this round have used up.

    A trial that was to be run again has a new one since then. Of one trial alone if it is given.
    """
    used: Counter[int] = Counter()
    again = store.again
    for trial, attempt, reason in store.errors(store.round, number):
        if attempt > again.get(trial, 0):
            used[trial] += cost(Status.ERROR, reason, allowance)
    return used


def out_of_memory(store: Store) -> list[int]:
    """Return the trials that have run out of memory by themselves in this round."""
    return [trial for trial, _, reason in store.errors(store.round) if reason == OOM]
