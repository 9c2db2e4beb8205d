"""Runs of trackers made by hand, some of which no tool would like."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from espalier.report.exports.tracked_run import RunPoint, TrackedRun

START = 1_796_167_141_707
LONG = "x" * 10_000
UGLY = "é😀 \\ $x^$ _\n\t\r\0</script><img src=x onerror=alert(1)>"
NAMES = ("../..//a", "", "final/x", "step", "time", "timestamp", "metrics", "espalier", "mlflow.x")
"""Names that are paths, empty, or something to a tool."""


def plain_run(number: int = 1, **changes: Any) -> TrackedRun:
    """A trial of two epochs."""
    history = (
        RunPoint(10, START + 500, {"epoch": 1, "val_acc": 90.1, "val_loss": 0.3}),
        RunPoint(20, START + 1000, {"epoch": 2, "val_acc": 95.7, "val_loss": 0.1 + 0.2}),
    )
    run = TrackedRun(
        id=f"{number:032x}",
        name=f"config_{number:03d}",
        group="config_001",
        status="passed",
        started=START,
        finished=START + 1200,
        tags={"trial_id": f"{number:012x}"},
        parameters={"MODEL": "mlp", "LR": "1e-3", "AMP": "n", "SEED": "1", "EMPTY": ""},
        measures={"val_acc": 95.7, "test_acc": 94.0, "parameters": 4810},
        history=history,
    )
    return replace(run, **changes)


def hostile_run(number: int) -> TrackedRun:
    """A run with numbers, names and texts that are not easily kept."""
    numbers = {
        "nan": math.nan,
        "inf": math.inf,
        "minus": -math.inf,
        "small": 5e-324,
        "large": 1e300,
    }
    texts = {"text": "NaN", "quoted": '"NaN"', "list": "[1, 2]", "ugly": UGLY, "long": LONG}
    named = {name: float(place) for place, name in enumerate((*NAMES, UGLY, LONG))}
    values = numbers | texts | named | {"third": 1 / 3, "whole": 2**53}
    repeated = [RunPoint(place // 2, START + place, values) for place in range(4)]
    return plain_run(
        number,
        tags={"reason": UGLY, "message": LONG, UGLY: "x", LONG: "y", "espalier": "z"},
        parameters={"NAN": "NaN", "LARGE": "9007199254740993", "LONG": LONG, "UGLY": UGLY}
        | {name: "v" for name in (*NAMES, "_Group", "_x", UGLY, LONG)},
        measures=values,
        history=(*repeated, RunPoint(0, START + 9, {"val_acc": 1.0})),
    )


def bare_run(number: int) -> TrackedRun:
    """A trial that ended before its first epoch."""
    return plain_run(number, status="error", measures={}, history=(), finished=START)
