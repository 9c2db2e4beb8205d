"""A small sweep of the real tree, trial by trial and in packs: the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from espalier.__main__ import main
from espalier.store.results_dir import METRICS

RANGE = """
CONFIG_MLP_WIDTH=8|16
CONFIG_SEED=1|2
CONFIG_LEARNING_RATE=0.001|0.003
CONFIG_NUM_EPOCHS=2
CONFIG_TRAIN_SUBSET=200
CONFIG_PRUNING_WARMUP=2
CONFIG_PRUNING_RAMP_END_EPOCH=1
CONFIG_DEVICE=cpu
"""
OWN = ("total_time", "seconds", "started", "pack")
"""What may differ between two runs of a trial."""


def trained(folder: Path, pack: str) -> list[dict[str, Any]]:
    """What is in the training_metrics.json of each trial, in plan order."""
    results = folder / f"packs_of_{pack}"
    assert main(["sweep-run", "--output-dir", str(results), "--pack", pack, "--in-process"]) == 0
    return [json.loads(path.read_text()) for path in sorted(results.glob(f"*/{METRICS}"))]


def lasting(value: Any) -> Any:
    """`value` without what may differ."""
    if isinstance(value, dict):
        return {key: lasting(item) for key, item in value.items() if key not in OWN}
    return [lasting(item) for item in value] if isinstance(value, list) else value


def test_a_packed_sweep_gives_the_numbers_of_one_trial_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PARALLEL", "PACK", "NEW", "RANK_BY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r").write_text(RANGE)
    assert main(["sweep-generate", "r"]) == 0
    alone, packed = trained(tmp_path, "1"), trained(tmp_path, "3")
    assert len(alone) == len(packed) == 8
    kept = ("test_id", "status", "measures", "history", "provenance")
    assert [lasting({key: record[key] for key in kept}) for record in alone] == [
        lasting({key: record[key] for key in kept}) for record in packed
    ]
    sizes: dict[str, list[int]] = {"8": [], "16": []}
    for record in packed:
        sizes[record["config"]["CONFIG_MLP_WIDTH"]].append(record["provenance"]["pack"]["size"])
    assert sizes == {"8": [3, 3, 3, 1], "16": [3, 3, 3, 1]}
