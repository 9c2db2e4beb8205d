"""Exports with the writer of one tool, one after the other in one process: prints JSON.

Run with the Python of the trackers, in the folder: `python tracker_steps.py FORMAT FOLDER`.
Importing a tool takes seconds, so a test of it does all its steps here.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracked_runs import bare_run, hostile_run, plain_run

from espalier.report.exports import export_worker
from espalier.report.exports.export_loop import export_runs
from espalier.report.exports.no_network import REFUSED, refuse_network
from espalier.report.exports.tracked_run import TrackedRun

SWEEP = "sweep_1"
LOCAL = ("::1", 0)  # urllib3 asks this machine whether it has IPv6
reached: list[str] = []


def watch(event: str, details: tuple[Any, ...]) -> None:
    """Keep what would have reached a network."""
    if event in REFUSED and LOCAL not in details:
        reached.append(event)


def count(name: str, folder: Path) -> int:
    """Count the runs of the sweep with the tool's own means."""
    if name == "mlflow":
        from mlflow import MlflowClient

        client = MlflowClient("sqlite:///mlflow.db")
        experiment = client.get_experiment_by_name(SWEEP).experiment_id
        return len(client.search_runs([experiment]))
    if name == "trackio":
        from trackio import Api

        return len(list(Api().runs(SWEEP)))
    pattern = {"tensorboard": f"{SWEEP}/*/*tfevents*", "wandb-offline": "wandb/*/run-*.wandb"}[name]
    return len(list(folder.glob(pattern)))


def interrupted(name: str, run: TrackedRun, folder: Path) -> None:
    """Leave half a run, as a kill or a full disk does; one of Trackio is whole or not there."""
    if name == "mlflow":
        from mlflow import MlflowClient

        client = MlflowClient("sqlite:///mlflow.db")
        experiment = client.get_experiment_by_name(SWEEP).experiment_id
        client.create_run(experiment, tags={"espalier.id": run.id}, run_name=run.name)
    elif name != "trackio":
        export_worker.writer(name, SWEEP).write(run)
        (path,) = (each for each in folder.rglob(f"*{run.id}*") if each.is_file())
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def main(name: str, folder: Path) -> None:
    sys.addaudithook(watch)
    refuse_network()

    def step(*runs: TrackedRun) -> list[str]:
        return [str(each) for each in export_runs(runs, export_worker.writer(name, SWEEP))]

    first, second, third, fourth = plain_run(1), hostile_run(2), bare_run(3), plain_run(4)
    changed = replace(first, measures=first.measures | {"val_acc": 95.8})
    answers: dict[str, Any] = {"first": step(first, second), "again": step(first, second)}
    interrupted(name, fourth, folder)
    answers["more"] = step(first, second, third, fourth)
    for path in folder.glob("wandb/*/run-*.wandb"):
        path.with_name(f"{path.name}.synced").touch()  # as wandb marks what it has sent
    answers["changed"] = step(changed, second, third, fourth)
    sent = len(list(folder.glob("wandb/*/*.synced")))
    answers |= {"count": count(name, folder), "sent": sent, "reached": reached}
    print("\n" + json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
