from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import passed

from espalier.analysis.confidence import Interval
from espalier.analysis.control_deltas import Delta, deltas
from espalier.analysis.controls import comparisons
from espalier.analysis.rank import TrialResult, rank
from espalier.core.trial import Trial
from espalier.report.controls_report import deltas_json, multiple, render_controls
from espalier.report.reports import write_reports

PLAIN = {"NET": ["dense", "sparse"], "BEND": ["linear"], "METHOD": ["none"]}
SIZES = {"dense": 90, "sparse": 100, "branched": 110}
WORTH = {"dense": 50.0, "sparse": 60.0, "branched": 65.0}


def outcome(number: int, seed: int, gain: float = 0.0, **swept: str) -> TrialResult:
    """A nonlinearity is worth 1, the method 4; a seed its number."""
    varied = {**swept, "SEED": str(seed)}
    item = Trial(number, f"config_{number:03d}", str(number), varied, varied)
    score = WORTH[swept["NET"]] + (swept.get("BEND") == "curved") + seed + gain
    score += 4.0 * (swept["METHOD"] == "move")
    return passed(item, score, live_parameters=SIZES[swept["NET"]])


def networks() -> list[TrialResult]:
    """Three networks, two bends where there are branches, with and without a method if sparse."""
    swept_values = [
        {"NET": "dense", "METHOD": "none"},
        *({"NET": "sparse", "METHOD": method} for method in ("none", "move")),
        *(
            {"NET": "branched", "BEND": bend, "METHOD": method}
            for bend in ("linear", "curved")
            for method in ("none", "move")
        ),
    ]
    pairs = [(swept, seed) for swept in swept_values for seed in (1, 2)]
    return [outcome(n, seed, **swept) for n, (swept, seed) in enumerate(pairs, 1)]


def by_kind(results: list[TrialResult]) -> dict[tuple[str, ...], Delta]:
    every = deltas(comparisons(rank(results), PLAIN))
    return {(item.own, item.value, *(text for _, text in item.also)): item for item in every}


def test_structure_nonlinearity_and_method_are_told_apart() -> None:
    means = {
        kind: (item.difference.mean, len(item.compared))
        for kind, item in by_kind(networks()).items()
        if item.difference
    }
    assert means == {
        ("curved", "linear"): (1.0, 2),
        ("branched", "dense", "linear"): (15.0, 1),
        ("branched", "dense", "curved"): (16.0, 1),
        ("branched", "sparse", "linear"): (5.0, 2),
        ("branched", "sparse", "curved"): (6.0, 2),
        ("sparse", "dense"): (10.0, 1),
        ("move", "none"): (4.0, 3),
    }


def test_a_control_is_compared_with_those_before_it_only() -> None:
    assert ("dense", "sparse") not in by_kind(networks())


def test_each_seed_is_of_the_same_configurations() -> None:
    results = [
        outcome(1, 1, NET="sparse", METHOD="none"),
        outcome(2, 2, NET="sparse", METHOD="none"),
        outcome(3, 1, 1.0, NET="sparse", METHOD="move"),
        outcome(4, 2, 2.0, NET="sparse", METHOD="move"),
        outcome(5, 1, NET="dense", METHOD="none"),
        outcome(6, 1, 5.0, NET="dense", METHOD="move"),
    ]
    item = by_kind(results)["move", "none"]
    # seed 1: 4 + 1 and 4 + 5; only one of the two knows seed 2
    assert item.difference == Interval(7.0, 1, None)
    more = [outcome(7, 2, NET="dense", METHOD="none"), outcome(8, 2, NET="dense", METHOD="move")]
    both = by_kind(results + more)["move", "none"].difference
    # seed 2: 4 + 2 and 4, so 7 and 5
    assert both == Interval(6.0, 2, pytest.approx(12.7062, rel=1e-4))


def test_sizes_are_parts_of_the_control_s() -> None:
    every = by_kind(networks())
    assert every["branched", "sparse", "linear"].sizes == (1.1, 1.1)
    assert every["move", "none"].sizes == (1.0, 1.0)


def test_text(golden: Callable[[str, str], None]) -> None:
    ranking = rank(networks())
    golden("control_deltas", render_controls(comparisons(ranking, PLAIN), ranking))


def test_no_unequal_number_of_parameters_looks_like_an_equal_one() -> None:
    assert [multiple(share) for share in (1.0, 1.2249, 1.0031)] == ["1", "1.22", "1.0031"]


def test_files_of_a_sweep(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", networks(), controls=PLAIN)
    assert "In the mean over configurations" in write_reports(folder)
    text = (folder / "sweep_deltas.json").read_text(encoding="utf-8")
    assert text == deltas_json(comparisons(rank(networks()), PLAIN))
    first = json.loads(text)[0]
    assert (first["symbol"], first["value"], first["control"]) == (
        "CONFIG_BEND",
        "curved",
        "linear",
    )
    assert (first["pairs"], first["equal_steps"]["difference"]) == (2, 1.0)
    assert first["live_parameters"] == {"least": 1.0, "most": 1.0}


def test_one_value_as_in_older_sweeps_is_a_control_too() -> None:
    older = comparisons(rank(networks()), {"METHOD": "none"})
    assert len(older) == 3
