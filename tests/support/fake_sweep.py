"""Small sweeps over `fake_entry`, in this process or as a program of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from espalier.core.records import PlanHeader
from espalier.core.trial import Record, Trial
from espalier.run import launch
from espalier.run.launch import LaunchRequest
from espalier.store import results_dir

HERE = Path(__file__).parent
Start = Callable[..., "subprocess.Popen[str]"]  # the fixture `start`
SETTINGS = {
    "DEVICE": "cpu",
    "MAX_ATTEMPTS": "2",
    "TRIAL_TIMEOUT": "0",
    "PARALLEL": "2",
    "RANK_BY": "val_acc",
}


def trial(number: int, act: str = "pass", **config: str) -> Trial:
    """A trial that does `act` after one epoch that takes no time."""
    fixed = {"MODEL": "mlp", "OPTIMIZER": "sgd", "CPU_THREADS": "1", "SEED": "1"}
    own = {"ACT": act, "EPOCHS": "1", "SECONDS": "0", "LR": f"0.{number:03}"}
    name, swept = f"config_{number:03}", {"LR": own["LR"]}
    return Trial(number, name, f"id{number:010}", {**fixed, **own, **config}, swept)


def header(plan_id: str = "plan", **settings: str) -> PlanHeader:
    return PlanHeader(plan_id=plan_id, settings={**SETTINGS, **settings})


def request(results: Path, trials: Sequence[Trial], **changes: Any) -> LaunchRequest:
    """A request over `trials`; keyword arguments are fields of Request, or settings."""
    settings = {name: changes.pop(name) for name in list(changes) if name.isupper()}
    fields: Record = {
        "header": header(changes.pop("plan_id", "plan"), **settings),
        "trials": [(item, f"CONFIG_LR={item.config['LR']}\n") for item in trials],
        "results": results,
        "output": None,
        "parallel": 2,
        "pack": 0,
        "new": False,
        "entry": "fake_entry:train",
        "in_process": False,
    }
    return LaunchRequest(**{**fields, **changes})


def created(wish: LaunchRequest) -> Path:
    """Return the folder of a sweep whose runner was killed before its first trial."""
    folder = results_dir.new_sweep_path(wish.results)
    results_dir.create(folder, wish.header_in(folder), wish.trials)
    return folder


def command(results: Path, trials: Sequence[Trial], **changes: Any) -> list[str]:
    """The same as a command line."""
    given = json.dumps([str(results), [item.as_json() for item in trials], changes])
    return [sys.executable, __file__, given]


def main(text: str) -> int:
    results, trials, changes = json.loads(text)
    made = [Trial.from_json(record) for record in trials]
    return launch.run(request(Path(results), made, **changes))


if __name__ == "__main__":
    from espalier.core.errors import UserError
    from espalier.core.process import standard_streams, stop_signals

    stop_signals.install(patience=1)  # as the command line begins
    standard_streams.repair()
    try:
        code = main(sys.argv[1])
    except UserError as error:
        print(f"error: {error}")
        code = 2
    stop_signals.ignore()  # as it ends
    sys.exit(code)
