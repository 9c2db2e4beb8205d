"""Several workers for one trial: they begin together, and none is left when it has ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_sweep import HERE, Start, request, trial
from group_entry import gone, noted

from espalier.core.errors import UserError
from espalier.core.trial import Result, Task
from espalier.run import launch
from espalier.run.packing import pack_queue
from espalier.run.packing.pack_queue import PackLimits
from espalier.run.pool import Pool
from espalier.run.workers.worker_process import Event, Progress
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

DEADLINE = 30.0  # seconds that a healthy machine never needs
ENTRY = "group_entry:train"


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    made = Pool(ENTRY, ["0,5"], tmp_path / "workers.log")
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def task(folder: Path, act: str, second: str = "pass", ranks: str = "2", number: int = 1) -> Task:
    directory = folder / f"{number}"
    directory.mkdir(exist_ok=True)
    assigned = trial(number, act, SECOND=second, DEVICES_PER_TRIAL=ranks)
    return Task.single(assigned, {}, directory)


def events(pool: Pool, assigned: Task) -> list[Event]:
    """Do a task; all events up to its end."""
    end, events_seen = time.monotonic() + DEADLINE, []
    while not pool.idle():
        events_seen += pool.wait(0.05)
        assert time.monotonic() < end
    pool.submit(0, assigned)
    while not any(not isinstance(event, Progress) for event in events_seen):
        events_seen += pool.wait(0.05)
        assert time.monotonic() < end
    return events_seen


def result(pool: Pool, assigned: Task) -> Result:
    *_, last = events(pool, assigned)
    assert not isinstance(last, Progress)
    return last.result


def processes(folder: Path) -> list[int]:
    return [int(note[0]) for note in noted(folder).values()]


def test_rank_0_alone_tells_of_a_trial_that_all_train(pool: Pool, tmp_path: Path) -> None:
    first, last = events(pool, task(tmp_path, "meet"))
    assert isinstance(first, Progress)
    assert first.record["rank"] == 0
    assert not isinstance(last, Progress)
    (first, meeting, device), (second, same, next_device) = last.result.measures["noted"].values()
    assert first != second
    assert meeting == same != ""
    assert (device, next_device) == ("0", "5")
    assert "attempt 1 rank 1" in (tmp_path / "1" / "output.log").read_text(encoding="utf-8")
    again = result(pool, task(tmp_path, "meet", number=2)).measures["noted"]
    assert again["rank0"][0] == first  # they stay, and never meet twice at the same place
    assert again["rank0"][1] != meeting


def test_a_trial_of_one_process_leaves_the_others_idle(pool: Pool, tmp_path: Path) -> None:
    alone = result(pool, task(tmp_path, "meet", ranks="1"))
    assert list(alone.measures["noted"]) == ["rank0"]
    assert alone.measures["noted"]["rank0"][1] == ""


@pytest.mark.parametrize(
    ("act", "second", "message"),
    [
        ("hang", "crash", "RuntimeError: broken on purpose"),
        ("hang", "gpu_oom", "OutOfMemoryError: CUDA out of memory"),
        ("hang", "kill", "worker was killed by signal 9"),
        ("lose", "exit", "worker exited with code 7: "),
        ("fail", "hang", "RuntimeError: rank 0 alone"),
    ],
)
def test_the_first_to_go_ends_all_and_says_why(
    pool: Pool, tmp_path: Path, act: str, second: str, message: str
) -> None:
    ended = result(pool, task(tmp_path, act, second))
    assert ended.status == "error"
    assert ended.message.startswith(message)
    assert (ended.reason == "oom") is (second == "gpu_oom")
    until(lambda: all(map(gone, processes(tmp_path / "1"))))
    assert result(pool, task(tmp_path, "meet", number=2)).status == "passed"


def test_a_trial_can_be_ended_and_nothing_of_it_is_left(pool: Pool, tmp_path: Path) -> None:
    while not pool.idle():
        pool.wait(0.05)
    pool.submit(0, task(tmp_path, "hang", "hang"))
    until(lambda: len(noted(tmp_path / "1")) == 2)
    pool.kill(0)
    until(lambda: all(map(gone, processes(tmp_path / "1"))))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_sweep(start: Start, tmp_path: Path, end: signal.Signals) -> None:
    trials = [trial(1, "hang", SECOND="hang", DEVICES_PER_TRIAL="2")]
    running = start(tmp_path, trials, entry=ENTRY, parallel=1)
    until(lambda: len(_all_noted(tmp_path)) == 2)
    os.kill(running.pid, end)
    running.communicate(timeout=DEADLINE)
    assert running.returncode == (130 if end == signal.SIGINT else -signal.SIGKILL)
    until(lambda: all(map(gone, _all_noted(tmp_path))))


def _all_noted(results: Path) -> list[int]:
    return [
        int(path.read_text(encoding="utf-8").split(" ")[0]) for path in results.glob("*/*/rank?")
    ]


def test_one_failed_trial_is_data(start: Start, tmp_path: Path) -> None:
    """The trials before and behind it are what they would be."""
    trials = [
        trial(1, "meet", SECOND="pass", DEVICES_PER_TRIAL="2"),
        trial(2, "hang", SECOND="kill", DEVICES_PER_TRIAL="2"),
        trial(3, "meet", SECOND="pass", DEVICES_PER_TRIAL="2"),
    ]
    running = start(tmp_path, trials, entry=ENTRY, parallel=1, MAX_ATTEMPTS="1")
    output, _ = running.communicate(timeout=DEADLINE)
    assert running.returncode == 1
    assert "1 at a time on the CPU" in output
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        assert list(store.states().values()) == ["passed", "error", "passed"]


def test_what_cannot_be_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [trial(1, DEVICES_PER_TRIAL="2")]
    with pytest.raises(UserError, match="CONFIG_DEVICES_PER_TRIAL=2: .*leave out --in-process"):
        launch.run(request(tmp_path, trials, in_process=True))
    monkeypatch.setattr("espalier.run.devices.cores", lambda: 1)
    with pytest.raises(UserError, match="CONFIG_DEVICES_PER_TRIAL=2: must be at most 1"):
        launch.run(request(tmp_path, trials))
    assert not sweeps(tmp_path)


def test_such_a_trial_is_never_packed() -> None:
    both = [trial(n, DEVICES_PER_TRIAL="2") for n in (1, 2)]
    shaped = [type(each)(**{**vars(each), "shape": "same"}) for each in both]
    waiting = pack_queue.PackQueue(8, PackLimits(), shaped)
    turn = waiting.next(lambda first, count: 8, lambda trial: True)
    assert turn is not None
    assert [each.number for each in turn[1]] == [1]
    assert Task(tuple(both), {}, (Path(), Path()), (1, 1)).ranks == 1
    assert Task.single(both[0], {}, Path()).ranks == 2
