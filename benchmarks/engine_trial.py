"""One trial of a plan by our own engine, in a process of its own: what a warm worker saves.

python benchmarks/engine_trial.py FOLDER_OF_THE_PLAN NUMBER
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from espalier.core.trial import Task
from espalier.plan.plan import read_plan


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("number", type=int, help="of the trial, from 1")
    args = parser.parse_args()
    from espalier.train.worker_entry import train_trial  # torch, seconds: not for --help

    plan = read_plan(args.plan)
    trial = plan.trials[args.number - 1]
    result = train_trial(Task.single(trial, plan.settings, args.plan))
    print(json.dumps(result.measures))


if __name__ == "__main__":
    main()
