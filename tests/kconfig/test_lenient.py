"""Lenient presets: their mechanism acts within a few steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.trial import Status, Task
from espalier.kconfig import defconfigs
from espalier.plan import planning
from espalier.train import worker_entry

FOLDER = Path(defconfigs.ROOT, "defconfigs")
SHORT = """
CONFIG_TRAIN_SUBSET=128
CONFIG_BATCH_SIZE=4
CONFIG_NUM_EPOCHS=4
CONFIG_DEVICE_CPU=y
"""  # 128 steps

# (preset, what it is to do, how often at least)
CASES = [
    ("lenient-rewiring", "sparse_events", 20),
    ("lenient-pruning", "final_sparsity", 0.69),
    ("lenient-apoptosis", "events", 10),
    ("lenient-growth", "growth_events", 2),
]


def test_every_lenient_preset_is_tried() -> None:
    assert {path.name for path in FOLDER.glob("lenient-*")} == {case[0] for case in CASES}


@pytest.mark.parametrize(("preset", "measure", "least"), CASES)
def test_the_mechanism_acts_within_a_few_steps(
    preset: str, measure: str, least: float, tmp_path: Path
) -> None:
    short = tmp_path / "short"
    short.write_text(SHORT)
    plan = planning.plan_from_files([FOLDER / preset, short])
    (trial,) = plan.trials
    assert plan.settings["DEBUG_CHECKS"] == "y"
    result = worker_entry.train_trial(Task.single(trial, plan.settings, tmp_path))
    assert result.status is Status.PASSED, result.message
    assert result.measures[measure] >= least
