"""Trials that pass at once, by Ray Tune, two at a time; processes go on to the next trial.

    python benchmarks/ray_noops.py TRIALS FOLDER

Prints the seconds from the first trial to the last. Ray's dashboard, callbacks and usage statistics
are off.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any


def objective(point: dict[str, Any]) -> dict[str, Any]:
    """Ray takes what is returned as the trial's last report."""
    return {"val_acc": point["number"] % 100, "began": time.time()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trials", type=int)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    folder: Path = given.folder
    calm = {"RAY_USAGE_STATS_ENABLED": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    os.environ.update(calm, HOME=str(folder), PYTHONPATH=str(Path(__file__).parent))
    import ray
    from ray import tune

    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(num_cpus=2, _temp_dir=str(folder / "ray"), **quiet)
    tuner = tune.Tuner(
        tune.with_resources(objective, {"cpu": 1}),
        param_space={"number": tune.grid_search([*range(given.trials)])},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder / "results"), verbose=0),
    )
    began = [result.metrics["began"] for result in tuner.fit()]
    ray.shutdown()
    print(json.dumps(time.time() - min(began)))


if __name__ == "__main__":
    main()
