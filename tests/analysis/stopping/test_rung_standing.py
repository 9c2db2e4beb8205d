"""What was stopped where, by the results alone."""

from __future__ import annotations

import stopped_sweeps

from espalier.analysis.stopping.rung_standing import stop_standing
from espalier.plan.stopping.stop_rules import StopRules, stop_rules


def rules(by: str = "val_acc") -> StopRules:
    made = stop_rules({**stopped_sweeps.SETTINGS, "RANK_BY": by})
    assert made is not None
    return made


def test_configurations_compare_at_the_rungs_that_they_came_to() -> None:
    standing = stop_standing(stopped_sweeps.stopped_sweep(), rules())
    assert [
        (rung.epoch, rung.stopped, [(e.first.number, e.score, e.stopped) for e in rung.entries])
        for rung in standing.rungs
    ] == [
        (1, 1, [(1, 91.0, False), (5, 51.0, True), (3, 71.0, False)]),  # the sparse one last
        (2, 1, [(1, 92.0, False), (3, 72.0, True)]),
    ]


def test_epochs_and_ends_are_counted() -> None:
    standing = stop_standing(stopped_sweeps.stopped_sweep(), rules())
    assert (standing.trained, standing.full) == (2 * (4 + 2 + 1), 2 * 4 * 4)
    assert (standing.complete, standing.configurations) == (1, 4)


def test_of_a_measure_that_is_to_be_small_the_least_is_first() -> None:
    standing = stop_standing(stopped_sweeps.stopped_sweep(), rules("val_acc:min"))
    first = standing.rungs[0].entries
    assert [entry.score for entry in first] == [51.0, 91.0, 71.0]


def test_before_anything_has_ended_there_is_no_rung() -> None:
    assert stop_standing(stopped_sweeps.stopped_sweep()[-2:], rules()).rungs == ()
