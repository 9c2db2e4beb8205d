"""What a sampler is told of a configuration."""

from __future__ import annotations

import math

from trial_results import ended, passed, trial

from espalier.core.measures import measures_of
from espalier.core.trial import Status
from espalier.run.samplers.reported_values import reported_values

WAYS = measures_of("val_acc,live_parameters")


def test_the_mean_of_each_measure_over_seeds() -> None:
    results = [
        passed(trial(1, 1), 90.0, live_parameters=100),
        passed(trial(2, 2), 93.0, live_parameters=110),
    ]
    assert reported_values(results, WAYS) == [91.5, 105.0]


def test_one_seed_that_failed_is_a_configuration_that_failed() -> None:
    lucky = passed(trial(1, 1), 99.0, live_parameters=100)
    assert reported_values([lucky, ended(trial(2, 2), Status.FAILED, "diverged")], WAYS) is None
    assert (
        reported_values([lucky, passed(trial(2, 2), 99.0)], WAYS) is None
    )  # one measure is absent
    assert reported_values([passed(trial(1, 1), math.nan, live_parameters=1)], WAYS) is None
