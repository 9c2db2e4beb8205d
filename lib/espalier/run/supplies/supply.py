"""What gives a running sweep more trials: the protocol of races, samplers and stop rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from espalier.core.trial import Record, Result, Trial
from espalier.plan.stopping.stop_rules import epochs_of
from espalier.run.pool import Executor


@dataclass(frozen=True)
class Vacancy:
    """What a supply is called for: a slot of the executor is free, and no trial waits.

    `pack_size` gives the size of the packs of a shape, `running` the numbers of the trials that
    have begun and whose ends are not in the store yet.
    """

    executor: Executor
    pack_size: Callable[[str], int]
    running: frozenset[int]


class Growth(NamedTuple):
    """What a supply answers: trials that wait from now on, in that order, and lines to print.

    Nothing comes after one that has `ended`. One that has not and gives no trial waits for those at
    work; while none is at work, that is its end too.
    """

    trials: Sequence[Trial] = ()
    lines: Sequence[str] = ()
    ended: bool = False


class Supply(ABC):
    """Gives a sweep trials while it runs. What it decides by must be in the store."""

    def opening(self, pending: list[Trial]) -> list[Trial]:
        """Return those of the plan's pending trials that wait from the start, in that order."""
        return pending

    def until(self, trial: Trial) -> int:
        """Return after which epoch a trial that begins now pauses; 0: it trains to its end."""
        del trial
        return 0

    def leg(self, trial: Trial) -> int:
        """Return how many epochs a trial trains that begins now, until it pauses or ends."""
        return epochs_of(trial)

    def observe(self, number: int, record: Record) -> Result | None:
        """Take in the record of an epoch of a running trial; return its result if it ends here."""
        del number, record
        return None

    @abstractmethod
    def __call__(self, vacancy: Vacancy) -> Growth:
        """Return what the sweep goes on with.

        It is called when a slot is free and nothing waits, while other trials run too, and again
        only after a trial has ended: its result is then in the store.
        """


class NoSupply(Supply):
    """The supply of a plan that stays as it is."""

    def __call__(self, vacancy: Vacancy) -> Growth:
        """Return nothing more."""
        del vacancy
        return Growth(ended=True)


NO_SUPPLY = NoSupply()


class Source:
    """A supply as a runner has it: it is called when there is news for it, until it has ended."""

    def __init__(self, supply: Supply) -> None:
        """Nothing has been taken from it."""
        self._supply, self._ended, self._news = supply, False, True

    def renew(self) -> None:
        """Note that a trial has ended, so that the supply may have an answer."""
        self._news = True

    def growth(self, vacancy: Vacancy) -> Growth | None:
        """Return what the supply gives; None if it is not to be called now."""
        if self._ended or not self._news:
            return None
        growth, self._news = self._supply(vacancy), False
        self._ended = growth.ended
        return growth
