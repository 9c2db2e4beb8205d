"""The plain trials as an Optuna study: a grid, in as many processes as are given.

    python benchmarks/optuna_trials.py POINTS.json FOLDER [--processes 2]

Every process imports torch once, reads the samples once and takes points from a journal study
that all share. Prints the result of every trial that was run: near its end GridSampler can hand
a point to two processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("points", type=Path, help="list of the arguments of plain_trial.train")
    parser.add_argument("folder", type=Path, help="where the journal is kept")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help="be one of the processes")
    args = parser.parse_args()
    if args.serve:
        return serve(args)
    study(args)  # made once, before anyone shares it
    command = [sys.executable, __file__, str(args.points), str(args.folder), "--serve"]
    started = [subprocess.Popen(command) for _ in range(args.processes)]
    if any([process.wait() for process in started]):
        sys.exit("a process of the study failed")
    print(json.dumps([trial.user_attrs["measures"] for trial in study(args).trials]))


def study(args: argparse.Namespace) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    points = json.loads(args.points.read_text(encoding="utf-8"))
    space = {name: sorted({point[name] for point in points}) for name in points[0]}
    return optuna.create_study(
        study_name="digits",
        direction="maximize",
        storage=JournalStorage(JournalFileBackend(str(args.folder / "journal.log"))),
        sampler=optuna.samplers.GridSampler(space, seed=0),
        load_if_exists=True,
    )


def serve(args: argparse.Namespace) -> None:
    from plain_trial import train

    points = json.loads(args.points.read_text(encoding="utf-8"))
    space = {name: sorted({point[name] for point in points}) for name in points[0]}

    def objective(trial: Any) -> float:
        chosen = {name: trial.suggest_categorical(name, space[name]) for name in space}
        measures = train(**chosen)
        trial.set_user_attr("measures", measures)
        return float(measures["val_acc"])

    study(args).optimize(objective, n_trials=len(points))


if __name__ == "__main__":
    main()
