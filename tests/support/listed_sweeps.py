"""A folder of small sweeps of every kind that a list can have."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from claim_cases import arms, header
from stored_sweeps import stored
from trial_results import ended, sweep, trial

from espalier.core.records import RaceRecord
from espalier.core.trial import Status

BEGAN = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
TWO = {"0.9": [97.0, 98.0, 97.5], "0.8": [90.0, 91.2, 90.5]}


def placed(results: Path, place: int, trials: list[Any], **more: Any) -> Path:
    """The sweep number `place`, begun so many hours after BEGAN."""
    name = f"_{more['name']}" if more.get("name") else ""
    folder = stored(results / f"sweep_20231114_{22 + place:02}0000{name}", trials, **more)
    began = BEGAN + 3600 * place
    with closing(sqlite3.connect(folder / "sweep.db")) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE key IN ('created', 'order')", (str(began),))
    return folder


def several(results: Path) -> list[Path]:
    """Four sweeps, the newest last: finished and named, stopped, with a claim, a race."""
    axes = [
        {"symbol": "ADAMWPRUNE_BETA1", "values": ["0.9", "0.8"]},
        {"symbol": "SEED", "values": ["1", "2", "3"]},
    ]
    named = {"name": "first", "note": "why: a < b", "tags": ["paper", "pruning"], "axes": axes}
    sources = [{"path": "defconfigs/my-range", "sha256": "ab"}]
    first = placed(results, 0, sweep(TWO), sources=sources, **named)
    stopped = [*sweep({"0.9": [95.0, 95.5]}), ended(trial(3, 3), Status.NOTRUN)]
    second = placed(results, 1, [*stopped, ended(trial(4, 4), Status.FAILED, "diverged")])
    sealed = header("WAY=new better than WAY=old by 0.5 val_acc").as_json()
    claims = {name: sealed[name] for name in ("claims", "seals")}
    third = placed(results, 2, arms([1.0, 1.1, 0.9]), **claims)
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=40, by="val_acc", seeds=["1", "2", "3"])
    fourth = placed(results, 3, sweep(TWO), race=rules.as_json())
    return [first, second, third, fourth]


def with_faults(results: Path) -> list[Path]:
    """A damaged store, one of another version, one that was lost, and a folder of nothing."""
    damaged, foreign, lost, empty = (results / f"sweep_{name}" for name in ("bad", "old", "x", "y"))
    for folder in (damaged, lost, empty):
        folder.mkdir(parents=True)
    (damaged / "sweep.db").write_bytes(b"no database" * 100)
    (lost / "sweep.json").write_text("{}", encoding="utf-8")
    stored(foreign, sweep(TWO))
    with closing(sqlite3.connect(foreign / "sweep.db")) as db, db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    return [damaged, foreign, lost, empty]
