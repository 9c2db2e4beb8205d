from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from orthogonal_results import FULL, LEVELS, found, sweep
from stored_sweeps import stored
from trial_results import passed

from espalier.analysis.effects import main_effects
from espalier.core.paths import ROOT
from espalier.report.effects_report import confounding, told
from espalier.report.reports import write_reports

DESIGN: dict[str, Any] = {
    "array": "L4",
    "rows": 4,
    "combinations": 8,
    "strength": 2,
    "axes": [{"symbol": name, "columns": [n]} for n, name in enumerate(LEVELS, 1)],
}
AXES = [{"symbol": name, "values": values} for name, values in LEVELS.items()]


def test_a_balanced_sweep() -> None:
    assert told(found(FULL), DESIGN) == [
        "MAIN EFFECTS (L4: 4 of 8 combinations):",
        "----------------------------------------",
        "Grand mean of the validation accuracy: 77.00%; each value by its mean,",
        "  its distance from that (with a 95% t-interval over seeds) and signal-to-noise ratio",
        "CONFIG_A (range 21.00)",
        "  0: 87.50% (+10.50 +/- 3.18), S/N 38.83 dB, n=4",
        "  1: 66.50% (-10.50 +/- 3.18), S/N 36.43 dB, n=4",
        "CONFIG_B (range 8.00)",
        "  0: 81.00% (+4.00 +/- 3.18), S/N 38.10 dB, n=4",
        "  1: 73.00% (-4.00 +/- 3.18), S/N 37.16 dB, n=4",
        "CONFIG_C (range 1.00)",
        "  0: 76.50% (-0.50 +/- 3.18), S/N 37.51 dB, n=4",
        "  1: 77.50% (+0.50 +/- 3.18), S/N 37.75 dB, n=4",
        "",
        "PREDICTED BEST: 92.00%, the grand mean + sum(best - mean)",
        "  CONFIG_A=0",
        "  CONFIG_B=0",
        "  CONFIG_C=1",
        "This combination was not run: train it before you believe it.",
        confounding(DESIGN),
        "",
    ]


def test_the_page_shows_what_is_printed() -> None:
    block = re.search(r"```text\n(.*?)```", (ROOT / "docs" / "samplers.md").read_text(), re.DOTALL)
    assert block and block[1].replace("CONFIG_X", "CONFIG_A") in "\n".join(
        told(found(FULL), DESIGN)
    )


def test_what_is_lost_is_named_and_what_it_touches_marked() -> None:
    lines = told(found([*FULL[:3], [60.0, None]]), DESIGN)
    at = lines.index("CONFIG_C (range 2.00)")
    assert lines[at + 1].endswith(", n=3 of 4: UNBALANCED")
    assert lines[at + 2].endswith(", n=4")
    assert lines[at + 3 : at + 5] == [
        "UNBALANCED: 1 planned trials are not counted, so the axes do not cancel out:",
        "  config_008 (seed 2): failed (diverged)",
    ]


def test_a_value_without_a_number_has_no_prediction() -> None:
    lines = told(found([*FULL[:2], [None, None], [None, None]]), DESIGN)
    assert "CONFIG_A" in lines
    assert "  1: n/a, n=0 of 4: UNBALANCED" in lines
    assert "PREDICTED BEST: none, since a value has no trial that passed." in lines
    assert told(found([[None]] * 4), DESIGN)[2:] == [
        "None: no trial has passed with a finite validation accuracy.",
        "",
    ]


def test_a_combination_that_was_run_is_compared() -> None:
    scores = [[90.0, 92.0], [80.0, 82.0], [70.0, 72.0], [60.0, 64.0]]
    lines = told(found(scores), DESIGN)
    assert "This combination was run as config_001: 91.00% +/- 12.71 (n=2)" in lines


def test_a_prediction_above_what_is_possible_is_told() -> None:
    lines = told(found([[99.0], [99.0], [98.0], [80.0]]), DESIGN)
    assert "It cannot be above 100%: these effects do not simply add up." in lines


def test_losses_are_in_nats_and_not_below_0() -> None:
    results = [
        passed(item.trial, 50.0, val_loss=item.result.measures["val_acc"] / 100)
        for item in sweep([[1.0], [20.0], [20.0], [90.0]])
    ]
    lines = told(main_effects(results, "val_loss", LEVELS), DESIGN)
    assert lines[2] == "Grand mean of the validation loss: 0.3275 nats; each value by its mean,"
    at = lines.index("CONFIG_A (range 0.4450)")
    # -10 log10 of 0.0001 and of 0.04: 40 and 13.98
    assert lines[at + 1] == "  0: 0.1050 nats (-0.2225), S/N 26.99 dB, n=2"
    assert "It cannot be below 0 nats: these effects do not simply add up." in lines


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Interactions are confounded with main effects"),
        ({"strength": 3}, "Interactions are confounded: those of two axes with each other"),
        ({"combinations": 4}, "interactions are not confounded with main effects"),
    ],
)
def test_what_the_array_cannot_tell_apart(changes: dict[str, int], said: str) -> None:
    assert said in confounding({**DESIGN, **changes})


def test_the_reports_of_an_orthogonal_sweep(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", sweep([*FULL[:3], [60.0, None]]), axes=AXES, design=DESIGN)
    text = write_reports(folder)
    assert text.isascii() and "\nMAIN EFFECTS (L4: 4 of 8 combinations):\n" in text
    it = json.loads((folder / "sweep_effects.json").read_text())
    assert (it["array"], it["balanced"], it["not_counted"]) == ("L4", False, ["config_008"])
    assert it["best"]["values"] == {"CONFIG_A": 0, "CONFIG_B": 0, "CONFIG_C": 1}
    assert it["best"]["config_file"] is None
    assert [axis["columns"] for axis in it["axes"]] == [[1], [2], [3]]
    assert it["axes"][0]["levels"][1]["n"] == 3
    assert not it["axes"][0]["balanced"]


def test_a_grid_has_no_effects(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", sweep(FULL), axes=AXES, design={})
    assert "MAIN EFFECTS" not in write_reports(folder)
    assert not (folder / "sweep_effects.json").exists()
