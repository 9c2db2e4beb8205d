"""Large sweeps made by hand, to measure reports by: no training, no runner."""

from __future__ import annotations

import math
import random
from pathlib import Path

from espalier.analysis.rank import TrialResult
from espalier.core.records import PlanHeader
from espalier.core.trial import Result, Status, Trial
from espalier.store.store import Store

METHODS = ("none", "magnitude", "state", "rigl")
SPARSITIES = ("0.5", "0.7", "0.9", "0.95")


def large_sweep(folder: Path, trials: int, seeds: int = 2, epochs: int = 20) -> Path:
    """Write the store of a sweep of so many trials over 12 symbols; return its folder."""
    results = [_result(n, seeds, epochs) for n in range(1, trials + 1)]
    names: dict[str, dict[str, None]] = {}
    for item in results:
        for name, text in item.trial.swept.items():
            names.setdefault(name, {})[text] = None
    axes = [{"symbol": name, "values": list(texts)} for name, texts in names.items()]
    header = PlanHeader.from_json(
        {
            "settings": {"RANK_BY": "val_acc"},
            "axes": axes,
            "controls": {"PRUNING_METHOD": ["none"]},
            "trials": trials,
        }
    )
    write_store(folder, header, results)
    return folder


def write_store(folder: Path, header: PlanHeader, results: list[TrialResult]) -> None:
    """Write a store that holds these results, one attempt each, in one transaction."""
    folder.mkdir(parents=True)
    planned = [(item.trial, "", f"{item.trial.name}_mlp") for item in results]
    Store.create(folder / "sweep.db", header, planned)
    with Store.open(folder / "sweep.db") as store, store.writing():
        store.begin([item.trial.number for item in results if item.attempts], 1, "cpu")
        for item in results:
            if item.attempts:
                store.finish(item.trial.number, 1, item.result)


def _result(number: int, seeds: int, epochs: int) -> TrialResult:
    place, seed = divmod(number - 1, seeds)
    draw = random.Random(place)
    method = METHODS[place % len(METHODS)]
    swept = {"PRUNING_METHOD": method}
    if method != "none":
        swept["TARGET_SPARSITY"] = SPARSITIES[place // 4 % 4]
    swept |= {f"AXIS_{n}": str(draw.choice([1, 2, 4, 8, 16])) for n in range(1, 10)}
    swept |= {"LR": f"{10 ** draw.uniform(-4, -1):.6f}", "SEED": str(seed + 1)}
    trial = Trial(
        number, f"config_{number:05d}", f"{number:012x}", {"MODEL": "mlp", **swept}, swept
    )
    noise = random.Random(number)
    if noise.random() < 0.01:
        return TrialResult(trial, Result(Status.FAILED, "diverged", "loss is not finite"), 1)
    sparsity = float(swept.get("TARGET_SPARSITY", "0"))
    best = 97 - 3 * sparsity**8 + draw.gauss(0, 0.5) + noise.gauss(0, 0.2)
    history = [
        {
            "epoch": n,
            "epochs": epochs,
            "step": 100 * n,
            "val_acc": round(best - 40 * math.exp(-n / 3) + noise.gauss(0, 0.1), 2),
            "val_loss": 2 * math.exp(-n / 3),
            "sparsity": sparsity * n / epochs,
            "seconds": 0.5,
        }
        for n in range(1, epochs + 1)
    ]
    measures = {
        "val_acc": round(best, 2),
        "test_acc": round(best - 0.3, 2),
        "val_loss": round(2.5 - best / 50, 5),
        "final_sparsity": sparsity,
        "live_parameters": round(100_000 * (1 - sparsity)),
        "total_time": 0.5 * epochs + noise.random(),
    }
    return TrialResult(trial, Result(Status.PASSED, "", "", measures, history), 1)
