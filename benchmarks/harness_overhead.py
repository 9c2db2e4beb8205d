"""What a sweep costs beyond training: milliseconds for a trial that does nothing.

    .venv/bin/python benchmarks/harness_overhead.py [--rounds 5] [--trials 200]

Espalier's figure is the real thing: warm worker processes, two durable states a trial in SQLite
(full synchronisation), the trial's folder with its three files, plain progress lines. Beside it,
interleaved in the same run, Optuna (random sampler, journal file and SQLite) and Hydra (basic
multirun) do the same no-op. Start-up is left out everywhere: from the first trial's start to the
last one's end.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import time
from pathlib import Path

import measuring
import peers
from measuring import Figure, Measure

from espalier.core.records import PlanHeader
from espalier.core.trial import Emit, Result, Status, Task, Trial
from espalier.run import launch
from espalier.run.opening.launch_request import LaunchRequest
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

SETTINGS = {"DEVICE": "cpu", "MAX_ATTEMPTS": "2", "TRIAL_TIMEOUT": "0", "RANK_BY": "val_acc"}
GOAL = 5.0  # ms a trial

OPTUNA = """
import sys, time, optuna
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
kind, count, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
optuna.logging.set_verbosity(optuna.logging.WARNING)
journal = lambda: JournalStorage(JournalFileBackend(folder + "/journal.log"))
sqlite = lambda: RDBStorage("sqlite:///" + folder + "/optuna.db")
storage = {"journal": journal, "sqlite": sqlite}[kind]()
study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
began = time.perf_counter()
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=count)
print((time.perf_counter() - began) / count * 1000)
"""
HYDRA = """
import sys, time, hydra
moments = []
@hydra.main(version_base=None)
def job(config):
    moments.append(time.perf_counter())
count, folder = int(sys.argv[1]), sys.argv[2]
sys.argv[1:] = ["-m", "+x=range(0,%d)" % count, "hydra.sweep.dir=" + folder,
                "hydra/job_logging=disabled", "hydra/hydra_logging=disabled"]
job()
print((moments[-1] - moments[0]) / (count - 1) * 1000)
"""


def noop(task: Task, emit: Emit) -> Result:
    """The trial: it passes at once."""
    del task
    emit({"epoch": 1, "epochs": 1})
    return Result(Status.PASSED, measures={"val_acc": 1.0, "test_acc": 1.0})


def main() -> None:
    parser = measuring.parser(__doc__, rounds=5)
    parser.add_argument("--trials", type=int, default=200)
    args = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    peer = peers.python()
    seen = measuring.interleaved(candidates(args.trials, peer), args.rounds)
    goals = {name: f"<= {GOAL:g}" for name in seen if name.startswith("espalier")}
    figures = [Figure(name, seen[name], "ms a trial", goals.get(name, "")) for name in seen]
    measuring.tell(args, figures, [peers.versions() if peer else peers.NOT_MEASURED])


def candidates(count: int, python: Path | None) -> dict[str, Measure]:
    """What is measured: by name, a function of an empty folder to milliseconds a trial."""
    measures: dict[str, Measure] = {
        "espalier, 1 worker": lambda place: espalier(place, count, 1),
        "espalier, 2 workers": lambda place: espalier(place, count, 2),
        "(its store alone)": lambda place: store_alone(place, count),
    }
    if python is None:
        return measures
    few = max(2, count // 5)  # hydra is slow enough to be measured with fewer

    def run(code: str, *arguments: str) -> float:
        command = [str(python), "-c", code, *arguments]
        return float(subprocess.check_output(command, encoding="utf-8").split()[-1])

    return measures | {
        "optuna, journal file": lambda place: run(OPTUNA, "journal", str(count), str(place)),
        "optuna, sqlite": lambda place: run(OPTUNA, "sqlite", str(count), str(place)),
        "hydra, basic multirun": lambda place: run(HYDRA, str(few), str(place)),
    }


def noop_sweep(place: Path, count: int, workers: int) -> LaunchRequest:
    """The request of a sweep of so many trials that do nothing."""
    config = {"CPU_THREADS": "1", "MODEL": "mlp", "OPTIMIZER": "sgd", "SEED": "1"}
    trials = [
        Trial(n, f"config_{n:05}", f"{n:012}", {**config, "LR": str(n)}, {"LR": str(n)})
        for n in range(1, count + 1)
    ]
    return LaunchRequest(
        header=PlanHeader(plan_id="noop", settings=SETTINGS),
        trials=[(trial, "CONFIG_LR=1\n" * 60) for trial in trials],
        results=place,
        output=None,
        parallel=workers,
        new=True,
        entry="harness_overhead:noop",
        in_process=False,
        pack=1,
    )


def espalier(place: Path, count: int, workers: int) -> float:
    """Milliseconds a trial of a sweep of no-ops, from its own store."""
    request = noop_sweep(place, count, workers)
    with contextlib.redirect_stdout(io.StringIO()):
        launch.run(request)
    with Store.open(sweeps(place)[0] / STORE, readonly=True) as store:
        attempts = store.attempts()
    ends = [attempt.finished for attempt in attempts if attempt.finished is not None]
    assert len(ends) == count, "a no-op did not end"
    return (max(ends) - min(attempt.started for attempt in attempts)) / count * 1000


def store_alone(place: Path, count: int) -> float:
    """Milliseconds for a trial's durable states by themselves: what the disk asks for."""
    trials = (Trial(n, f"config_{n:03}", f"{n:012}", {}) for n in range(1, count + 1))
    planned = [(trial, "", trial.name) for trial in trials]
    Store.create(place / STORE, PlanHeader(), planned)
    with Store.open(place / STORE) as store:
        began = time.perf_counter()
        for trial, _, _ in planned:
            with store.writing():  # as the runner does: one ends and the next begins
                store.finish(trial.number - 1, 1, Result(Status.PASSED))
                store.begin([trial.number], 1, "cpu")
        return (time.perf_counter() - began) / count * 1000


if __name__ == "__main__":
    main()
