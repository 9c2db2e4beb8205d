"""Entries for workers in tests: no torch, and each way in which a trial can go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from espalier.core.records import Provenance
from espalier.core.trial import Emit, Result, Status, Task

READY: list[int] = []


def warm() -> None:
    READY.append(os.getpid())


def preflight(task: Task) -> Result:
    """The machine lacks the data set `absent` and has every other."""
    return lacking(task) if task.trial.config.get("DATASET") == "absent" else Result(Status.PASSED)


def train(task: Task, emit: Emit) -> Result:
    """Do what the trial's ACT says; the measures depend on the trial alone."""
    config = task.trial.config
    for epoch in range(1, int(config["EPOCHS"]) + 1):
        time.sleep(float(config["SECONDS"]))
        print(f"epoch {epoch}")
        emit({"epoch": epoch, "epochs": int(config["EPOCHS"]), "val_acc": 10.0 * epoch})
    if "ENDS" in config:  # one line for every time that this trial has run to its end
        with Path(config["ENDS"]).open("a", encoding="utf-8") as file:
            file.write(f"{task.trial.name}\n")
    return ACTS[config["ACT"]](task)


def real(task: Task, emit: Emit) -> Result:
    """For trials of the real tree, which have no ACT."""
    return passing(task)


def passing(task: Task) -> Result:
    number = task.trial.number
    measures = {"val_acc": 50.0 + number, "test_acc": 49.0 + number, "final_sparsity": 0.7}
    return Result(Status.PASSED, measures={**measures, "total_time": 0.1 * number})


def diverging(task: Task) -> Result:
    return Result(Status.FAILED, "diverged", "loss is not finite", {"val_loss": float("nan")})


def crashing(task: Task) -> Result:
    raise RuntimeError("broken\non purpose")


def poisoning(task: Task) -> Result:
    """Crash, and leave this process unfit for any other trial."""
    ACTS["pass"] = crashing
    raise RuntimeError("a sticky error")


def exhausting(task: Task) -> Result:
    raise MemoryError("too large")


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


def exhausting_gpu(task: Task) -> Result:
    raise OutOfMemoryError("CUDA out of memory")


def exiting(task: Task) -> Result:
    print("last words", flush=True)
    os._exit(7)


def killed(task: Task) -> Result:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def hanging(task: Task) -> Result:
    time.sleep(600)
    raise AssertionError


def stubborn(task: Task) -> Result:
    """Go on when interrupted, once."""
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        time.sleep(600)
    raise AssertionError


def once(task: Task) -> Result:
    """Crash at the first attempt only."""
    mark = task.directory / "tried"
    if not mark.exists():
        mark.touch()
        raise RuntimeError("first attempt")
    return passing(task)


def hanging_once(task: Task) -> Result:
    mark = task.directory / "tried"
    if not mark.exists():
        mark.touch()
        return hanging(task)
    return passing(task)


def lacking(task: Task) -> Result:
    return Result(Status.ERROR, "input", "data/x: no such file")


def odd(task: Task) -> Result:
    return Result(Status.ERROR, "odd", "an error that is not raised")


def environment(task: Task) -> Result:
    names = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    seen: dict[str, object] = {name: os.environ.get(name) for name in names}
    seen |= {"pid": os.getpid(), "warm": len(READY)}
    return Result(Status.PASSED, provenance=Provenance.from_json(seen))


def coded(task: Task) -> Result:
    return Result(
        Status.PASSED,
        provenance=Provenance.from_json({"code": json.loads(os.environ["FAKE_CODE"])}),
    )


def not_json(task: Task) -> Result:
    return Result(Status.PASSED, measures={"val_acc": object()})


def full(task: Task) -> Result:
    raise OSError(28, "No space left on device")


def loud(task: Task) -> Result:
    print("from python")
    print("to stderr", file=sys.stderr)
    os.system("echo from a child")
    return passing(task)


def family(task: Task) -> Result:
    """Start a child, note its process id, and hang."""
    child = subprocess.Popen(["sleep", "600"])
    (task.directory / "child").write_text(str(child.pid), encoding="utf-8")
    return hanging(task)


def orphan(task: Task) -> Result:
    """Die and leave a forked child behind that has inherited every descriptor."""
    if os.fork() == 0:
        time.sleep(2)
    os._exit(3)


ACTS = {
    "family": family,
    "orphan": orphan,
    "pass": passing,
    "diverge": diverging,
    "crash": crashing,
    "poison": poisoning,
    "oom": exhausting,
    "gpu_oom": exhausting_gpu,
    "exit": exiting,
    "kill": killed,
    "hang": hanging,
    "stubborn": stubborn,
    "once": once,
    "hang_once": hanging_once,
    "input": lacking,
    "odd": odd,
    "coded": coded,
    "environment": environment,
    "not_json": not_json,
    "full": full,
    "loud": loud,
}
