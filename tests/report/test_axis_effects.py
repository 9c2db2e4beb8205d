"""What each symbol does, in numbers and words."""

from __future__ import annotations

from itertools import product

from trial_results import passed, trial

from espalier.analysis.axis_means import AxisMeans
from espalier.analysis.rank import TrialResult, rank
from espalier.analysis.symbol_importance import ForestImportance, Importance
from espalier.report.axis_effects import (
    ValueMean,
    describe_remarks,
    importance_caveat,
    means_note,
    remarks,
    sweep_effects,
)


def grid(skip: int = 0) -> list[TrialResult]:
    """Two by two and two seeds: LR adds 4, WIDTH 1; the first trials may be skipped."""
    cells = list(product(("0.1", "0.2"), ("8", "16"), (1, 2)))
    scores = [90.0 + 4 * (rate == "0.2") + (width == "16") for rate, width, _ in cells]
    return [
        passed(trial(n, seed, LR=rate, WIDTH=width), score)
        for n, ((rate, width, seed), score) in enumerate(zip(cells, scores, strict=True), 1)
    ][skip:]


def test_means_of_a_grid_have_intervals_over_seeds() -> None:
    effects = sweep_effects(rank(grid()))
    rates, widths = effects.axes
    assert rates.levels == (ValueMean("0.1", 90.5, 0.0), ValueMean("0.2", 94.5, 0.0))
    assert [level.mean for level in widths.levels] == [92.0, 93.0]
    assert effects.without == () and effects.forest is None


def test_means_of_a_part_have_none() -> None:
    rates, _ = sweep_effects(rank(grid(skip=2))).axes
    assert [level.half_width for level in rates.levels] == [None, None]
    assert means_note(rates.comparable) == (
        "over 2 of 3 configurations, whose other settings are the same"
    )


def test_an_axis_of_many_values_has_no_means() -> None:
    results = [passed(trial(n, 1, LR=f"0.{n:03d}"), 90.0 + n / 10) for n in range(1, 26)]
    effects = sweep_effects(rank(results))
    assert effects.without == ("LR",) and effects.axes == ()


def test_remarks_are_short_and_described_below() -> None:
    means = AxisMeans({"a": 1.0}, 1, 4, ("DEPTH",))
    values = ["a", "b", "c"]
    assert remarks(means, values) == [
        "means of 1 of 4",
        "no mean of 2 values",
        "over 1 symbol of one value",
    ]
    assert describe_remarks([(means, values)], str.lower) == (
        "Open diamonds, without bars: means over those configurations alone whose other settings "
        "all of these values have. Confounded, and without a mean: other settings differ too. "
        "Means are also over what one value alone has: depth."
    )
    assert describe_remarks([(AxisMeans({"a": 1.0, "b": 2.0}, 2, 2, ()), ["a", "b"])], str) == ""


def test_the_caveat_says_how_little_a_forest_explains() -> None:
    axes = (Importance("LR", 0.5, 0.1), Importance("WIDTH", 0.25, 0.1))
    assert "25% is due to symbols together" in importance_caveat(ForestImportance(axes, 0.8, 40))
    poor = importance_caveat(ForestImportance(axes, 0.1, 40))
    assert poor.endswith("explain 10% of the variance: too little to read much from this.")
