"""The report of a chain: one row an arm, one line an effect, the reason of each lost seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from trial_results import ended, passed, trial

from espalier.core.trial import Status
from espalier.search.chains import chain_plan, chain_report
from espalier.search.chains.chain_plan import ChainArm

NAME = 'BLOCKS_SIZES="" BLOCKS_DENSITY=0.03'


def arms() -> list[ChainArm]:
    shape = {"growth_events": 4, "layers": 1, "live_edges": 200}
    results = []
    for seed in (1, 2, 3):
        for file in ("", f"{seed}.pt"):
            item = trial(len(results) + 1, seed, INDEFINITE_WHERE="random", INIT_FROM=file)
            score = 80.0 + seed + (seed if file else 0)
            results.append(passed(item, score, score - 1, **shape))
    lost = trial(7, 4, INDEFINITE_WHERE="random", INIT_FROM="4.pt")
    results.append(ended(lost, Status.FAILED, "diverged", "diverged in epoch 1"))
    return chain_plan.arms(results, ["INIT_FROM", "INDEFINITE_WHERE", "SEED"])


def test_text(golden: Callable[[str, str], None]) -> None:
    golden("chain", chain_report.render_chain(NAME, 19, arms()))


def test_files_hold_the_numbers_of_each_seed(tmp_path: Path) -> None:
    record, table = chain_report.write(NAME, 19, arms(), tmp_path / "chain")
    saved = json.loads(record.read_text(encoding="utf-8"))
    fresh, trained = saved["arms"]
    assert fresh["weights"] == "fresh" and trained["weights"] == "trained"
    assert trained["val_acc"] == {"1": 82.0, "2": 84.0, "3": 86.0}
    assert fresh["live_edges"] == {"1": 200.0, "2": 200.0, "3": 200.0}
    assert [(e["measure"], e["n"], e["mean"]) for e in saved["effects"]] == [
        ("val_acc", 3, 2.0),
        ("test_acc", 3, 2.0),
    ]
    assert table.read_text(encoding="utf-8") == chain_report.render_chain(NAME, 19, arms())
