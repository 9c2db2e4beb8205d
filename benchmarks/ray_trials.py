"""The plain trials by Ray Tune: a grid, one CPU a trial.

    python benchmarks/ray_trials.py POINTS.json FOLDER [--cpus 2] [--reuse]

Prints the result of every trial. By default Ray starts a process a trial; with --reuse, which its
manual advises for short trials, processes go on to the next. Ray's dashboard, callbacks and usage
statistics are off.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any


def objective(point: dict[str, Any]) -> dict[str, Any]:
    """Ray takes what is returned as the trial's last report."""
    from plain_trial import train

    return train(**point)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("points", type=Path, help="list of the arguments of plain_trial.train")
    parser.add_argument("folder", type=Path, help="where Ray keeps its files")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--reuse", action="store_true", help="let actors go on to the next trial")
    args = parser.parse_args()
    calm = {"RAY_USAGE_STATS_ENABLED": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    os.environ.update(calm, HOME=str(args.folder), PYTHONPATH=str(Path(__file__).parent))
    print(json.dumps(run(json.loads(args.points.read_text(encoding="utf-8")), args)))


def run(points: list[dict[str, Any]], args: argparse.Namespace) -> list[Any]:
    import ray
    from ray import tune

    ray.init(
        num_cpus=args.cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _temp_dir=str(args.folder / "ray"),
    )
    space = {name: tune.grid_search(sorted({p[name] for p in points})) for name in points[0]}
    tuner = tune.Tuner(
        tune.with_resources(objective, {"cpu": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(reuse_actors=args.reuse),
        run_config=tune.RunConfig(storage_path=str(args.folder / "results"), verbose=0),
    )
    rows = [result.metrics for result in tuner.fit()]
    ray.shutdown()
    return [{key: row[key] for key in ("val_acc", "test_acc", "steps")} for row in rows]


if __name__ == "__main__":
    main()
