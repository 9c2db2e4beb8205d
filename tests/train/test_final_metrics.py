"""What a trial cost until its least validation loss."""

from __future__ import annotations

import pytest
from trial_tasks import small_task

from espalier.core.trial import Record
from espalier.train import worker_entry
from espalier.train.final_metrics import efficiency


def test_the_cost_is_parameters_times_epochs_to_the_least_loss() -> None:
    losses = [0.9, 0.4, 0.3, 0.3, 0.5]
    history: list[Record] = [{"epoch": i + 1, "val_loss": x} for i, x in enumerate(losses)]
    assert efficiency(history, 10_634) == {"min_loss_epoch": 3, "cost_to_min_loss": 31_902}


def test_a_trial_counts_its_live_parameters() -> None:
    result = worker_entry.train_trial(small_task())
    measures = result.measures
    least = min(result.history, key=lambda record: record["val_loss"])["epoch"]
    assert measures["min_loss_epoch"] == least
    assert measures["cost_to_min_loss"] == pytest.approx(measures["live_parameters"] * least)
