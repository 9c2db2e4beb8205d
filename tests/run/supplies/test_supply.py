"""A supply is called when there is news for it, until it has ended."""

from __future__ import annotations

from trial_results import trial

from espalier.core.trial import Trial
from espalier.run.pool import InProcess
from espalier.run.supplies.supply import NO_SUPPLY, Growth, Source, Supply, Vacancy

VACANCY = Vacancy(InProcess("fake_entry:train"), lambda shape: 1, frozenset())


class CountingSupply(Supply):
    """Gives one trial a call, and ends with the third."""

    calls = 0

    def __call__(self, vacancy: Vacancy) -> Growth:
        """Count the call."""
        del vacancy
        self.calls += 1
        return Growth([trial(self.calls, 1)], ended=self.calls == 3)


def numbers(growth: Growth | None) -> list[int] | None:
    return None if growth is None else [each.number for each in growth.trials]


def test_it_is_called_again_only_after_news() -> None:
    source = Source(CountingSupply())
    assert numbers(source.growth(VACANCY)) == [1]
    assert source.growth(VACANCY) is None
    source.renew()
    assert numbers(source.growth(VACANCY)) == [2]


def test_nothing_comes_after_its_end() -> None:
    source = Source(CountingSupply())
    for _ in range(3):
        source.growth(VACANCY)
        source.renew()
    assert source.growth(VACANCY) is None


def test_all_that_is_pending_waits_unless_a_supply_says_otherwise() -> None:
    pending: list[Trial] = [trial(1, 1), trial(2, 1)]
    assert NO_SUPPLY.opening(pending) == pending
    assert NO_SUPPLY(VACANCY) == Growth(ended=True)
