"""Which trials a run is about."""

from __future__ import annotations

from espalier.run.run_limits import RunLimits


def test_all_trials_are_chosen_unless_some_are_named() -> None:
    limits = RunLimits(attempts=2, timeout=0, pack=0, waits=True)
    assert limits.chosen([1, 2, 3]) == [1, 2, 3]
    some = RunLimits(attempts=2, timeout=0, pack=0, waits=True, only=frozenset({2, 9}))
    assert some.chosen([1, 2, 3]) == [2]
