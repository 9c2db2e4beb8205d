from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from fake_sweep import HERE, Start, request, trial
from group_entry import gone
from running_sweeps import (
    attempts,
    finished,
    heeds,
    many,
    opened,
    running,
    summary,
    tried,
    until,
    wait_for_new_attempt,
)

from espalier.core.process import stop_signals
from espalier.run import launch, pool
from espalier.run.pending import cost
from espalier.run.workers import worker_messages
from espalier.store import results_dir
from espalier.store.attempt import Attempt
from espalier.store.results_dir import STORE, directory_name, sweeps
from espalier.store.store import Store
from espalier.store.sweep_files import METRICS

ENDED = {"passed", "failed", "error"}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def test_every_trial_runs_once_in_plan_order(tmp_path: Path) -> None:
    assert launch.run(request(tmp_path, [trial(n) for n in range(1, 8)])) == 0
    tries = attempts(tmp_path)
    assert [(a.trial, a.status) for a in tries] == [(n, "passed") for n in range(1, 8)]
    starts = [a.started for a in tries]
    assert starts == sorted(starts)
    assert all(a.progress == {} or a.progress["epoch"] == 1 for a in tries)


def test_only_errors_are_tried_again_and_only_so_often(tmp_path: Path) -> None:
    acts = ["pass", "diverge", "crash", "once", "oom", "input"]
    trials = [trial(n, act) for n, act in enumerate(acts, 1)]
    assert launch.run(request(tmp_path, trials)) == 1
    assert tried(tmp_path) == [
        (1, "passed", ""),
        (2, "failed", "diverged"),
        (3, "error", "crash"),
        (3, "error", "crash"),
        (4, "error", "crash"),
        (4, "passed", ""),
        (5, "error", "oom"),
        (5, "error", "oom"),
        (6, "error", "input"),
    ]


def test_a_trial_over_its_time_is_ended(tmp_path: Path) -> None:
    trials = [trial(1, "hang"), trial(2)]
    assert launch.run(request(tmp_path, trials, TRIAL_TIMEOUT="1", MAX_ATTEMPTS="1")) == 1
    (late, retried) = attempts(tmp_path)
    assert (late.status, late.reason) == ("error", "timeout")
    assert late.message == "stopped after 1 s, the limit that CONFIG_TRIAL_TIMEOUT sets"
    assert retried.status == "passed"


def test_asking_again_gives_errors_another_chance_and_nothing_else(tmp_path: Path) -> None:
    trials = [trial(1), trial(2, "diverge"), trial(3, "crash")]
    for _ in range(2):
        assert launch.run(request(tmp_path, trials)) == 1
    assert Counter(number for number, _, _ in tried(tmp_path)) == {1: 1, 2: 1, 3: 4}


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"PRUNING_METHOD": "none"}, "config_001_mlp_sgd"),
        ({"PRUNING_METHOD": "turnover"}, "config_001_mlp_sgd_turnover"),
        ({"PRUNING_METHOD": "state", "TARGET_SPARSITY": "0.7"}, "config_001_mlp_sgd_state_70"),
    ],
)
def test_a_folder_tells_the_method_unless_it_is_the_control(
    config: dict[str, str], name: str
) -> None:
    assert (
        directory_name(trial(1, **config), {"PRUNING_METHOD": ["none"], "MODEL": ["mlp"]}) == name
    )


def test_what_a_trial_leaves_for_people_to_read(tmp_path: Path) -> None:
    sparse = {"PRUNING_METHOD": "state", "TARGET_SPARSITY": "0.975"}
    launch.run(request(tmp_path, [trial(1, "once", **sparse)]))
    (folder,) = (path for path in sweeps(tmp_path)[0].iterdir() if path.is_dir())
    assert folder.name == "config_001_mlp_sgd_state_97.5"
    assert {path.name for path in folder.iterdir()} >= {"config.txt", METRICS, "output.log"}
    assert (folder / "config.txt").read_text(encoding="utf-8") == "CONFIG_LR=0.001\n"
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    assert metrics["config"]["CONFIG_TARGET_SPARSITY"] == "0.975"
    assert metrics["measures"]["val_acc"] == 51.0
    assert [a["status"] for a in metrics["attempts"]] == ["error", "passed"]
    assert "RuntimeError: first attempt" in (folder / "output.log").read_text(encoding="utf-8")


def test_files_that_a_killed_runner_did_not_write_are_written_later(tmp_path: Path) -> None:
    launch.run(request(tmp_path, [trial(1), trial(2, "crash")]))
    path = sweeps(tmp_path)[0] / "config_001_mlp_sgd" / METRICS
    written = path.read_text(encoding="utf-8")
    path.unlink()
    launch.run(request(tmp_path, [trial(1), trial(2, "crash")]))
    assert path.read_text(encoding="utf-8") == written


def test_metrics_from_before_a_killed_retry_are_written_again(tmp_path: Path) -> None:
    trials = [trial(1, "once")]
    launch.run(request(tmp_path, trials, MAX_ATTEMPTS="1"))
    path = sweeps(tmp_path)[0] / "config_001_mlp_sgd" / METRICS
    stale = path.read_text(encoding="utf-8")
    launch.run(request(tmp_path, trials))
    written = path.read_text(encoding="utf-8")
    assert written != stale
    path.write_text(
        stale, encoding="utf-8"
    )  # as if the retry's runner had been killed before it wrote
    launch.run(request(tmp_path, trials))
    assert path.read_text(encoding="utf-8") == written


def test_a_retry_never_meets_what_an_error_left_in_the_worker(tmp_path: Path) -> None:
    assert launch.run(request(tmp_path, [trial(1, "poison"), trial(2)], parallel=1)) == 1
    assert [status for _, status, _ in tried(tmp_path)] == ["error", "error", "passed"]


def removed(folder: Path) -> bool:
    """Remove a folder that others still write to; whether it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_sweep_that_is_deleted_while_it_runs_is_one_line(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path, [trial(n, SECONDS="0.5") for n in range(1, 9)])
    until(lambda: bool(running(tmp_path)))
    (deleted,) = sweeps(tmp_path)
    until(lambda: removed(deleted))
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "Traceback" not in output
    assert "gone" in output.splitlines()[-1]


LOST = {
    "garbage": "crash",
    "shape": "crash",
    "nested": "crash",
    "over": "crash",
    "endless_line": "crash",
    "closing_pipes": "crash",
    "closing_all": "crash",
    "leaving": "crash",
    "killing_group": "crash",
    "exiting_python": "crash",
    "not_utf8": "crash",
    "text": "result",
    "huge": "result",
    "endless": "result",
    "truth": "result",
    "bad_epoch": "result",
}
KEPT = [
    *(
        "repeated",
        "stranger",
        "stray_over",
        "forking",
        "closing_stdout",
        "leaving_elsewhere",
        "numpy",
        "nan",
    ),
    *("deleting_folder", "log_folder", "metrics_folder", "printing"),
]


def test_no_trial_can_end_the_sweep_or_cost_another_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it does to its worker, the pipes and its folder; each has one that passes beside."""
    monkeypatch.setattr(worker_messages, "LONGEST", 1 << 20)
    monkeypatch.setattr(pool, "TRACEBACK_TIME", 0.1)
    acts = [act for name in [*LOST, *KEPT] for act in (name, "pass")]
    trials = [trial(n, act) for n, act in enumerate(acts, 1)]
    wish = request(tmp_path, trials, entry="hostile_entry:train", MAX_ATTEMPTS="1")
    assert launch.run(wish) == 1
    ends = dict(zip(acts, attempts(tmp_path), strict=True))
    assert {act: ends[act].reason for act in LOST} == LOST
    assert {acts[a.trial - 1] for a in attempts(tmp_path) if a.status == "passed"} == {
        *KEPT,
        "pass",
    }
    assert ends["text"].message == "val_acc='abc': must be a number from -1e+100 to 1e+100"
    assert "it wrote b'\\xff\\xfe{]' where records belong" in ends["garbage"].message
    log = directory(tmp_path, ends["printing"]) / "output.log"
    assert log.stat().st_size < 17 << 20
    assert "bytes are left out here" in log.read_text(encoding="utf-8")
    assert log.read_text(encoding="utf-8").endswith("last words\n")
    assert (directory(tmp_path, ends["deleting_folder"]) / METRICS).exists()
    assert capsys.readouterr().out.count("Is a directory; the result is in sweep.db") == 1
    assert launch.run(wish) == 1  # what a trial did to its folder stops no later run either


def directory(results: Path, attempt: Attempt) -> Path:
    with opened(results) as store:
        return sweeps(results)[0] / store.directories()[attempt.trial]


def test_a_trial_whose_folder_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    wish = request(tmp_path, [trial(1), trial(2)], output=tmp_path / "mine")
    results_dir.create(tmp_path / "mine", wish.header_in(tmp_path / "mine"), wish.trials)
    (tmp_path / "mine" / "config_001_mlp_sgd").touch()
    assert launch.run(wish) == 1
    with Store.open(tmp_path / "mine" / STORE, readonly=True) as store:
        first, second = store.attempts()
    assert (first.reason, second.status) == ("input", "passed")
    assert first.message.endswith("config_001_mlp_sgd: File exists")


def test_a_full_disk_in_a_trial_stops_the_sweep_and_costs_nothing(tmp_path: Path) -> None:
    trials = [trial(1), trial(2, "full", SECONDS="0.5"), trial(3, SECONDS="5")]
    with pytest.raises(launch.UserError, match="no space left"):
        launch.run(request(tmp_path, trials, MAX_ATTEMPTS="1"))
    tries = {a.trial: (a.status, a.reason) for a in attempts(tmp_path)}
    assert tries == {
        1: ("passed", ""),
        2: ("error", "disk_full"),
        3: ("error", "interrupted"),
    }
    with opened(tmp_path) as store:
        assert store.counts() == {"passed": 1, "notrun": 2}


@pytest.mark.parametrize(
    ("status", "reason", "used"),
    [
        ("passed", "", 0),
        ("failed", "diverged", 0),
        ("running", "", 0),
        ("error", "crash", 1),
        ("error", "interrupted", 0),
        ("error", "disk_full", 0),
        ("error", "input", 3),
        ("error", "result", 3),
    ],
)
def test_what_an_attempt_costs(status: str, reason: str, used: int) -> None:
    assert cost(status, reason, 3) == used


def test_kill_9_at_any_time_loses_nothing_and_repeats_nothing(start: Start, tmp_path: Path) -> None:
    seeded = random.Random(1)
    undisturbed, killed = tmp_path / "a", tmp_path / "b"
    assert launch.run(request(undisturbed, many(tmp_path / "ends_a"))) == 1
    trials = many(tmp_path / "ends_b")
    for kill in range(6):
        before = finished(killed)
        process = start(killed, trials)
        if kill:  # the first one may hit the making of the store
            wait_for_new_attempt(killed, process)
        time.sleep(seeded.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert before.items() <= finished(killed).items()
    assert 0 < len(finished(killed)) < 19
    process = start(killed, trials)
    process.communicate()
    assert process.returncode == 1
    assert len(sweeps(killed)) == 1
    assert summary(killed) == summary(undisturbed)
    tries = attempts(killed)
    assert all(a.status in ENDED and a.finished for a in tries)
    concluded = Counter(a.trial for a in tries if a.conclusive)
    assert concluded == {n: 2 if n == 3 else 1 for n in range(1, 21)}
    assert any(a.reason == "interrupted" for a in tries)
    ended = Counter((tmp_path / "ends_b").read_text(encoding="utf-8").split())
    assert all(ended[f"config_{n:03}"] <= sum(a.trial == n for a in tries) for n in range(1, 21))


def test_kill_9_of_a_worker_costs_one_attempt_at_most(start: Start, tmp_path: Path) -> None:
    trials = [trial(n, SECONDS="0.3") for n in range(1, 5)]
    process = start(tmp_path, trials)
    until(lambda: bool(running(tmp_path)))
    os.kill(running(tmp_path)[0].worker, signal.SIGKILL)
    process.communicate()
    assert process.returncode == 0
    assert Counter(status for _, status, _ in tried(tmp_path)) == {"passed": 4, "error": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_cleanly_and_says_how_to_go_on(
    start: Start, tmp_path: Path, number: int
) -> None:
    trials = [trial(1), trial(2, "hang"), trial(3, "hang"), trial(4)]
    process = start(tmp_path, trials)
    until(lambda: [a.trial for a in running(tmp_path)] == [2, 3])
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"--dir {sweeps(tmp_path)[0]} --entry fake_entry:train` goes on" in output
    assert "Traceback" not in output
    tries = tried(tmp_path)
    assert tries == [(1, "passed", ""), (2, "error", "interrupted"), (3, "error", "interrupted")]
    assert (sweeps(tmp_path)[0] / "sweep_summary.json").exists()


@pytest.mark.parametrize("in_process", [False, True])
def test_two_signals_of_one_delivery_are_one_request(
    start: Start, tmp_path: Path, in_process: bool
) -> None:
    """`timeout`, Slurm and systemd send make one, which passes it on, and the group another."""
    hanging = tmp_path / "hanging"
    process = start(tmp_path, [trial(1, "hang", ENDS=str(hanging))], in_process=in_process)
    until(hanging.exists)
    for number in (signal.SIGTERM, signal.SIGHUP):  # of one alone both could be delivered as one
        process.send_signal(number)  # without a pause, which a busy machine draws out
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in output
    assert tried(tmp_path) == [(1, "error", "interrupted")]
    assert (sweeps(tmp_path)[0] / "sweep_summary.json").exists()


def test_a_signal_before_the_sweep_is_open_leaves_a_report_of_it(
    start: Start, tmp_path: Path
) -> None:
    """Also of what a killed runner left open."""
    first = start(tmp_path, [trial(1, "hang")])
    until(lambda: bool(running(tmp_path)))
    first.kill()
    first.communicate()
    second = start(tmp_path, [trial(1, "hang")])
    until(lambda: heeds(second.pid))
    second.send_signal(signal.SIGHUP)
    output, _ = second.communicate(timeout=20)
    assert second.returncode == 130
    assert output.startswith("stopped: none has ended, 1 to go")
    assert tried(tmp_path) == [(1, "error", "interrupted")]
    assert (sweeps(tmp_path)[0] / "sweep_summary.json").exists()


def test_a_later_signal_ends_a_trial_that_holds_on(start: Start, tmp_path: Path) -> None:
    hanging = tmp_path / "hanging"
    trials = [trial(1, "stubborn", ENDS=str(hanging))]
    process = start(tmp_path, trials, in_process=True)
    until(hanging.exists)
    process.send_signal(signal.SIGINT)
    time.sleep(stop_signals.SAME_REQUEST + 0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert tried(tmp_path) == [(1, "error", "interrupted")]
    assert (sweeps(tmp_path)[0] / "sweep_summary.json").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_stays_ignored(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    """As `nohup` and a shell's `&` leave it: the sweep goes on."""
    process = start(tmp_path, [trial(1, SECONDS="0.3")], ignored=[number])
    until(lambda: bool(running(tmp_path)))
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 0


def test_a_sweep_in_the_background_can_still_be_stopped(start: Start, tmp_path: Path) -> None:
    ignored = [signal.SIGHUP, signal.SIGINT]
    process = start(tmp_path, [trial(1, "hang"), trial(2, "hang")], ignored=ignored)
    until(lambda: [a.trial for a in running(tmp_path)] == [1, 2])
    workers = [a.worker for a in running(tmp_path)]
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"--dir {sweeps(tmp_path)[0]} --entry fake_entry:train` goes on" in output
    assert all(map(gone, workers))


def test_an_interruption_does_not_count_as_an_attempt(start: Start, tmp_path: Path) -> None:
    trials = [trial(1), trial(2, "hang_once"), trial(3, "hang_once")]
    process = start(tmp_path, trials, MAX_ATTEMPTS="1")
    until(lambda: len(list(tmp_path.glob("*/*/tried"))) == 2)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert launch.run(request(tmp_path, trials, MAX_ATTEMPTS="1")) == 0


def test_a_second_runner_refuses(start: Start, tmp_path: Path) -> None:
    trials = [trial(1, SECONDS="3"), trial(2, SECONDS="3")]
    first = start(tmp_path, trials)
    until(lambda: bool(running(tmp_path)))
    second = start(tmp_path, trials)
    output, _ = second.communicate()
    assert second.returncode == 2
    assert f"process {first.pid} on" in output
    assert output.count("\n") == 1
    first.communicate()
    assert first.returncode == 0


def test_two_runners_at_once_begin_one_sweep(start: Start, tmp_path: Path) -> None:
    trials = [trial(n, SECONDS="1") for n in range(1, 5)]
    both = [start(tmp_path, trials) for _ in range(2)]
    for process in both:
        process.communicate()
    assert sorted(process.returncode for process in both) == [0, 2]
    assert len(sweeps(tmp_path)) == 1


def test_the_log_of_a_trial_that_did_not_pass_says_why(tmp_path: Path) -> None:
    trials = [trial(1), trial(2, "diverge"), trial(3, "kill")]
    assert launch.run(request(tmp_path, trials, MAX_ATTEMPTS="1")) == 1
    last = {}
    for folder in sweeps(tmp_path)[0].glob("config_*"):
        last[folder.name[:10]] = (
            (folder / "output.log").read_text(encoding="utf-8").splitlines()[-1]
        )
    assert last["config_002"] == "== failed (diverged): loss is not finite"
    assert last["config_003"].startswith("== error (crash): worker was killed by signal 9")
    assert not last["config_001"].startswith("== passed")
