"""The test data choose nothing."""

from __future__ import annotations

import pytest

from espalier.analysis.charts.charted_trials import selecting_measure
from espalier.core.measures import find


@pytest.mark.parametrize(
    ("by", "recorded", "chosen"),
    [
        ("val_acc", [], "val_acc"),
        ("live_parameters", ["val_acc"], "live_parameters"),
        ("test_acc", ["val_loss", "val_acc"], "val_acc"),
        ("test_loss", ["val_acc", "val_loss"], "val_loss"),
        ("test_bpc", ["val_acc", "val_loss"], "val_loss"),
        ("test_luck:max", ["val_luck"], "val_luck:max"),
    ],
)
def test_a_measure_of_the_test_data_is_shown_and_validation_chooses(
    by: str, recorded: list[str], chosen: str
) -> None:
    measure = selecting_measure(find(by), recorded)
    assert measure is not None and measure.spelled == chosen


def test_without_validation_nothing_chooses() -> None:
    assert selecting_measure(find("test_acc"), ["test_acc", "steps"]) is None
