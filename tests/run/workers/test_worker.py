from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fake_entry
import pytest
from fake_sweep import HERE, trial

from espalier.core.errors import UserError
from espalier.core.trial import Entry, Record, Result, Status, Task
from espalier.run.workers import worker


def task(folder: Path, act: str = "pass", **config: str) -> Task:
    return Task.single(trial(1, act, **config), {"DEVICE": "cpu"}, folder)


def outcome(folder: Path, act: str) -> Result:
    (result,) = results(fake_entry.train, task(folder, act))
    return result


def results(entry: Entry, assigned: Task) -> list[Result]:
    """What a task comes to, in the order in which its trials end."""
    batches = worker.perform(entry, assigned, lambda number, record: None)
    return [Result.from_json(json.loads(line)["result"]) for lines in batches for line in lines]


def test_a_task_survives_json(tmp_path: Path) -> None:
    assigned = task(tmp_path)
    assert Task.from_json(json.loads(json.dumps(assigned.as_json()))) == assigned


def test_an_entry_gets_the_trial_and_its_records_go_out(tmp_path: Path) -> None:
    sent: list[Record] = []
    assigned = task(tmp_path, EPOCHS="2")
    assert (
        len(list(worker.perform(fake_entry.train, assigned, lambda _, record: sent.append(record))))
        == 1
    )
    assert [record["epoch"] for record in sent] == [1, 2]


@pytest.mark.parametrize(
    ("act", "status", "reason", "message"),
    [
        ("pass", "passed", "", ""),
        ("diverge", "failed", "diverged", "loss is not finite"),
        ("crash", "error", "crash", "RuntimeError: broken on purpose"),
        ("oom", "error", "oom", "MemoryError: too large"),
        ("gpu_oom", "error", "oom", "OutOfMemoryError: CUDA out of memory"),
        ("full", "error", "disk_full", "OSError: [Errno 28] No space left on device"),
        (
            "not_json",
            "error",
            "result",
            "val_acc=a builtins.object: must be plain data (Object of type object is not JSON"
            " serializable)",
        ),
    ],
)
def test_whatever_happens_in_a_trial_is_data(
    tmp_path: Path, act: str, status: str, reason: str, message: str
) -> None:
    result = outcome(tmp_path, act)
    assert (result.status, result.reason, result.message) == (status, reason, message)


def test_the_traceback_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcome(tmp_path, "crash")
    assert "Traceback" in capfd.readouterr().err


def test_an_entry_cannot_return_notrun(tmp_path: Path) -> None:
    (result,) = results(lambda task, emit: Result(Status.NOTRUN), task(tmp_path))
    assert (result.status, result.reason) == ("error", "result")


def test_an_entry_that_returns_no_result_is_named(tmp_path: Path) -> None:
    (result,) = results(lambda task, emit: None, task(tmp_path))  # type: ignore
    assert result.message == "the entry returned a builtins.NoneType: must be a Result"


def test_output_of_every_kind_lands_in_the_log_and_then_no_more(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with capfd.disabled(), worker.capture_output(task(tmp_path)):
        results(fake_entry.train, task(tmp_path, "loud"))
    print("after")
    log = (tmp_path / "output.log").read_text(encoding="utf-8")
    assert log.startswith("== config_001 attempt 1, ")
    for line in ("from python", "to stderr", "from a child"):
        assert line in log
    assert "after" not in log


def test_the_second_attempt_appends(tmp_path: Path) -> None:
    for attempt in (1, 2):
        with worker.capture_output(Task((trial(1),), {}, (tmp_path,), (attempt,))):
            pass
    assert (tmp_path / "output.log").read_text(encoding="utf-8").count("== config_001 attempt") == 2


def test_streams_that_a_trial_closes_are_there_for_the_next(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import fake_sweep as f\n"
        "from espalier.core.trial import Task; from espalier.run.workers import worker\n"
        "task = Task.single(f.trial(1), {}, Path(sys.argv[1]))\n"
        "with worker.capture_output(task): sys.stdout.close(); sys.stderr = None\n"
        "print('after'); print('errors', file=sys.stderr)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("after\n", "errors\n")


def test_loading_warms_the_module_up() -> None:
    fake_entry.READY.clear()
    assert worker.load("fake_entry:train") is fake_entry.train
    assert len(fake_entry.READY) == 1


@pytest.mark.parametrize("name", ["fake_entry", "fake_entry:nothing"])
def test_a_wrong_entry_is_one_line(name: str) -> None:
    with pytest.raises(UserError, match=f"--entry {name}: must be module:function"):
        worker.load(name)


def test_the_worker_itself_does_not_import_torch() -> None:
    code = "import sys, espalier.run.workers.worker as w; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
