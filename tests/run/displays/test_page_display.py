"""The page of a running sweep: how often it is written, and what becomes of a failure."""

from __future__ import annotations

from typing import Any

import pytest

from espalier.core.errors import UserError
from espalier.run.displays.page_display import PageDisplay


class Screen:
    """A display that keeps what it is shown, beside a clock that tests set."""

    def __init__(self, cost: float, error: Exception | None = None) -> None:
        self.now, self.used, self.cost, self.error = 0.0, 0.0, cost, error
        self.written: list[float] = []
        self.notes: list[str] = []
        self.updates = 0

    def write(self) -> None:
        if self.error is not None:
            raise self.error
        self.written.append(self.now)
        self.now += 3 * self.cost  # of a processor that others want too
        self.used += self.cost

    def update(self, sweep: Any) -> None:
        self.updates += 1

    def note(self, line: str) -> None:
        self.notes.append(line)


def run(screen: Screen, seconds: int, trials: int = 36) -> PageDisplay:
    """Update a display every second for so long."""
    inner: Any = screen
    view = PageDisplay(inner, screen.write, trials, lambda: screen.now, lambda: screen.used)
    while screen.now < seconds:
        screen.now += 1
        view.update(inner)
    return view


def test_a_small_page_is_written_every_thirty_seconds() -> None:
    screen = Screen(cost=0.0)
    run(screen, 125)
    # 0.3 s and 1 ms a trial are 0.336 s, 0.8 % of 42 s
    assert screen.written == [42, 72, 102]
    assert screen.updates == 125


@pytest.mark.parametrize(("cost", "trials"), [(0.5, 36), (8.0, 10_000), (20.0, 100)])
def test_all_pages_take_at_most_a_hundredth_of_the_time(cost: float, trials: int) -> None:
    screen = Screen(cost)
    run(screen, 9000, trials)
    assert screen.written
    later = [n * cost / start for n, start in enumerate(screen.written[1:], 2)]
    assert later
    assert all(share <= 0.01 for share in later)


def test_the_first_page_of_many_trials_waits_for_what_it_may_cost() -> None:
    screen = Screen(cost=1.0)
    run(screen, 2100, 10_000)
    assert screen.written[0] == 1288  # 0.3 s and 10 s are 0.8 % of 1287.5 s


@pytest.mark.parametrize(
    "error", [UserError("sweep.db: gone"), PermissionError(13, "denied"), KeyError("a fault")]
)
def test_a_page_that_cannot_be_written_is_noted_once_and_ends_nothing(error: Exception) -> None:
    screen = Screen(0.1, error)
    run(screen, 300)
    assert screen.notes == [f"note: no page until the end of the sweep: {error}"]
    assert screen.updates == 300
