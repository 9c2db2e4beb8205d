"""What a trial that is a program costs beyond the program, and a sweep of many short ones.

    .venv/bin/python benchmarks/script_overhead.py [--rounds 5] [--trials 1000]

Three programs are run by themselves and as trials, one at a time, interleaved: a shell script that
appends its measure to a file, the same with a pattern on its output, and a Python script that
reports by `espalier.log`. From the first trial's start to the last one's end; the interpreter's own
start is in both. Then a whole sweep of shell trials that sleep for 10 ms, two at a time, from the
first line of the command to its report, start of the workers included.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import measuring
from measuring import Figure, Measure

from espalier.core.records import PlanHeader
from espalier.core.trial import Status, Trial
from espalier.run import launch
from espalier.run.entries import entry_of
from espalier.run.opening.launch_request import LaunchRequest
from espalier.scripts import script_identity
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

ADDED = 100.0  # ms a trial beyond its program
SHORT = 25.0  # ms of wall time a trial of 10 ms
FEW = 20  # trials of a program, for what is added
LINE = 'echo \'{"val_acc": 0.5}\' >> "$ESPALIER_LOG"\n'
SETTINGS = {
    "TRAINER": "script",
    "DEVICE": "cpu",
    "MAX_ATTEMPTS": "1",
    "TRIAL_TIMEOUT": "0",
    "RANK_BY": "val_acc",
}


@dataclass(frozen=True)
class Sample:
    """A program: its file, what that holds, what runs it, and the pattern on its output."""

    file: str
    text: str
    interpreter: str
    pattern: str = ""

    @property
    def command(self) -> str:
        return f"{self.interpreter} {self.file}"


SAMPLES = {
    "a shell script": Sample("shell.sh", LINE, "sh"),
    "a shell script with a pattern": Sample(
        "said.sh", "echo acc=50%\n", "sh", r"acc=(?P<val_acc>\S+)"
    ),
    "a Python script": Sample("log.py", "import espalier\nespalier.log(val_acc=0.5)\n", "python"),
}
SLEEPING = Sample("sleep.sh", "sleep 0.01\n" + LINE, "sh")


def main() -> None:
    parser = measuring.parser(__doc__, rounds=5)
    parser.add_argument("--trials", type=int, default=1000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as settings:
        os.environ["XDG_CONFIG_HOME"] = settings  # what may run here is kept there
        seen = measuring.interleaved(candidates(args.trials), args.rounds)
    sweep = f"{args.trials:,} shell trials of 10 ms, 2 at a time"
    figures = [
        Figure(f"added to {name}", _added(seen, name), "ms a trial", f"<= {ADDED:g}")
        for name in SAMPLES
    ]
    figures += [Figure(f"{name} by itself", seen[f"bare: {name}"], "ms") for name in SAMPLES]
    figures.append(Figure(sweep, seen["sweep"], "ms a trial", f"<= {SHORT:g}"))
    measuring.tell(args, figures)


def _added(seen: Mapping[str, Sequence[float]], name: str) -> list[float]:
    pairs = zip(seen[f"trial: {name}"], seen[f"bare: {name}"], strict=True)
    return [trial - bare for trial, bare in pairs]


def candidates(count: int) -> dict[str, Measure]:
    """What is measured: by name, a function of an empty folder to milliseconds a trial."""
    measures: dict[str, Measure] = {}
    for name, sample in SAMPLES.items():
        measures[f"bare: {name}"] = partial(bare, sample=sample)
        measures[f"trial: {name}"] = partial(trial_time, sample=sample)
    return {**measures, "sweep": partial(sweep_time, count=count)}


def bare(place: Path, sample: Sample) -> float:
    """Milliseconds of a program by itself, as a shell would run it."""
    (place / sample.file).write_text(sample.text, encoding="utf-8")
    first = sys.executable if sample.interpreter == "python" else sample.interpreter
    environ = {**os.environ, "ESPALIER_LOG": str(place / "log")}
    with (place / "output").open("wb") as output:
        began = time.perf_counter()
        for _ in range(FEW):
            subprocess.run([first, sample.file], cwd=place, env=environ, stdout=output, check=True)
        return (time.perf_counter() - began) / FEW * 1000


def trial_time(place: Path, sample: Sample) -> float:
    """Milliseconds from a trial's start to the next one's, of a sweep one at a time."""
    run(place, sample, FEW, 1)
    with Store.open(sweeps(place)[0] / STORE, readonly=True) as store:
        attempts = store.attempts()
    ends = [attempt.finished for attempt in attempts if attempt.finished is not None]
    return (max(ends) - min(attempt.started for attempt in attempts)) / FEW * 1000


def sweep_time(place: Path, count: int) -> float:
    """Milliseconds of a whole sweep for each of its trials, two at a time."""
    began = time.perf_counter()
    run(place, SLEEPING, count, 2)
    return (time.perf_counter() - began) / count * 1000


def run(place: Path, sample: Sample, count: int, workers: int) -> None:
    """Run a sweep of so many trials of a program, which differ in their seeds."""
    (place / sample.file).write_text(sample.text, encoding="utf-8")
    fixed = {"SCRIPT": sample.command, "SCRIPT_PATTERN": sample.pattern}
    fixed |= {"CPU_THREADS": "1", "NUM_EPOCHS": "1"}
    trials = [
        Trial(n, f"config_{n:03}", f"{n:012}", {**fixed, "SEED": str(n)}, {"SEED": str(n)})
        for n in range(1, count + 1)
    ]
    settings = {**SETTINGS, "SCRIPT_FOLDER": str(place)}
    identity = script_identity.identify([trials[0].config], settings)
    settings["SCRIPT_DIGEST"] = identity.digest
    request = LaunchRequest(
        header=PlanHeader(plan_id="programs", settings=settings),
        trials=[(trial, "CONFIG_SEED=1\n" * 20) for trial in trials],
        results=place,
        output=None,
        parallel=workers,
        new=True,
        entry=entry_of(settings),
        in_process=False,
        pack=1,
        allow=identity.hash[: script_identity.HEX],
    )
    with contextlib.redirect_stdout(io.StringIO()):
        launch.run(request)
    with Store.open(sweeps(place)[0] / STORE, readonly=True) as store:
        assert store.counts()[Status.PASSED] == count, "a program did not pass"


if __name__ == "__main__":
    main()
