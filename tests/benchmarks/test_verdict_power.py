"""Races on recorded gaps: how a table is read, and what is counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import verdict_power

from espalier.analysis.race_decisions import RaceDecision, RaceState, RaceStatus
from espalier.core.measures import VAL_ACC, VAL_LOSS

NOTES = [
    "loss: a - none: +0.0300 nats +/- 0.0124 (n=5)",  # 2.7764 / sqrt(5) deviations: 0.01
    "loss: b - none: -0.0100 nats +/- 0.0248 (n=5)",
    "loss: a - random: +0.5000 nats +/- 0.0124 (n=5)",
    "loss: no method, itself: +1.7317 nats +/- 0.0063 (n=5)",
]


def test_a_table_is_read_from_the_differences_to_one_control() -> None:
    table = verdict_power.table("losses", NOTES, "loss: ", " - none", (VAL_LOSS, 0.0))
    assert table.behind.tolist() == pytest.approx([0.01, 0.04, 0.0])
    control = 0.01**2 / 2
    expected = [math.sqrt(v) for v in (control, control, 0.02**2 - control)]
    assert table.deviations.tolist() == pytest.approx(expected, rel=1e-2)
    assert table.margin == 0.02


def test_scores_of_a_table_are_whole_samples() -> None:
    means, deviations = np.array([97.0, 95.0]), np.array([0.5, 1.0])
    table = verdict_power.Table("accuracies", means, deviations, 0.25, VAL_ACC)
    scores = table.draw(np.random.default_rng(1))
    assert scores.shape == (2, 40)
    assert np.allclose(scores * 4, np.round(scores * 4))
    assert scores.mean(axis=1).tolist() == pytest.approx([97, 95], abs=0.5)


def test_what_is_left_and_spent_at_a_cap() -> None:
    left = [(RaceStatus.BEHIND, 4, 4), (RaceStatus.BEHIND, 10, 10), (RaceStatus.BEST, 10, None)]
    state = RaceState(tuple(RaceDecision(*each) for each in left), (2,), 10, True, 11)
    assert [verdict_power.left_at([state], cap) for cap in (3, 4, 10)] == [3, 2, 1]
    assert [verdict_power.trials_at([state], cap) for cap in (3, 5, 40)] == [9, 14, 24]
    assert verdict_power.kept([state], 2) == 1
    assert verdict_power.ended([state]) == 1
