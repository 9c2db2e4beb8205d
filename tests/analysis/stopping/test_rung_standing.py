"""What was stopped where, by the results alone."""

from __future__ import annotations

from dataclasses import replace

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


def test_programs_of_another_length_are_counted_by_their_own() -> None:
    """They train 6 epochs, whatever CONFIG_NUM_EPOCHS says: 4."""
    results = stopped_sweeps.stopped_sweep()
    scripts = [
        item._replace(trial=replace(item.trial, config={**item.trial.config, "SCRIPT": "run"}))
        for item in results
    ]
    for place in (0, 1):
        result = replace(scripts[place].result, history=stopped_sweeps.history(90.0, 6))
        scripts[place] = scripts[place]._replace(result=result)
    standing = stop_standing(scripts, rules())
    assert (standing.trained, standing.full) == (2 * (6 + 2 + 1), 8 * 6)
    seldom = [{"epoch": 2, "val_acc": 1.0}, {"epoch": 4, "val_acc": 2.0}]
    results[0] = results[0]._replace(result=replace(results[0].result, history=seldom))
    standing = stop_standing(results, rules())
    assert (standing.trained, standing.full) == (2 * (4 + 2 + 1), 8 * 4)
