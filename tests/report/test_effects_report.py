from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orthogonal_results import FULL, LEVELS, effects, sweep
from stored_sweeps import stored
from trial_results import passed

from espalier.analysis.effects import Effects, main_effects
from espalier.core.paths import ROOT
from espalier.report.effects_report import confounding, render_effects
from espalier.report.reports import write_reports

DESIGN: dict[str, Any] = {
    "array": "L4",
    "rows": 4,
    "combinations": 8,
    "strength": 2,
    "axes": [{"symbol": name, "columns": [n]} for n, name in enumerate(LEVELS, 1)],
}
AXES = [{"symbol": name, "values": values} for name, values in LEVELS.items()]


def losses() -> Effects:
    """Losses of 0.01, 0.2, 0.2, 0.9: -10 log10 of 0.0001 and of 0.04 are 40 and 13.98 dB."""
    results = [
        passed(item.trial, 50.0, val_loss=item.result.measures["val_acc"] / 100)
        for item in sweep([[1.0], [20.0], [20.0], [90.0]])
    ]
    return main_effects(results, "val_loss", LEVELS)


SCENARIOS: dict[str, Callable[[], Effects]] = {
    "balanced": lambda: effects(FULL),
    "unbalanced": lambda: effects([*FULL[:3], [60.0, None]]),
    "no_prediction": lambda: effects([*FULL[:2], [None, None], [None, None]]),
    "nothing_passed": lambda: effects([[None]] * 4),
    "best_was_run": lambda: effects([[90.0, 92.0], [80.0, 82.0], [70.0, 72.0], [60.0, 64.0]]),
    "above_possible": lambda: effects([[99.0], [99.0], [98.0], [80.0]]),
    "losses": losses,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"effects_{name}", render_effects(SCENARIOS[name](), DESIGN))


def test_the_page_shows_what_is_printed() -> None:
    block = re.search(
        r"```text\n(.*?)```", (ROOT / "docs" / "samplers.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert block and block[1].replace("CONFIG_X", "CONFIG_A") in render_effects(
        effects(FULL), DESIGN
    )


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
    it = json.loads((folder / "sweep_effects.json").read_text(encoding="utf-8"))
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
