"""Packs from the plan to the store, with a fake entry."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from fake_sweep import HERE, Start, created, request, trial
from running_sweeps import (
    attempts,
    finished,
    many,
    opened,
    running,
    summary,
    tried,
    until,
    wait_for_new_attempt,
)

from espalier.core.trial import Result, Status, Trial
from espalier.run import launch
from espalier.run.packing import pack_probe
from espalier.run.status_text import status_lines
from espalier.store.locks import locked
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

ENTRY = {"entry": "pack_entry:train"}
ALONE = {**ENTRY, "parallel": 1}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.syspath_prepend(str(HERE))


def shaped(number: int, act: str = "pass", shape: str = "a", **config: str) -> Trial:
    return replace(trial(number, act, **config), shape=shape)


def several(count: int, **special: dict[str, str]) -> list[Trial]:
    """Trials 1 to `count` of one shape; `_2={...}` is what trial 2 has of its own."""
    return [shaped(number, **special.get(f"_{number}", {})) for number in range(1, count + 1)]


def packs(results: Path) -> list[list[int]]:
    """The trials that began together, in the order in which they did."""
    packs: dict[tuple[float, int], list[int]] = {}
    for a in attempts(results):
        packs.setdefault((a.started, a.worker), []).append(a.trial)
    return [packs[key] for key in sorted(packs)]


def test_trials_of_one_shape_are_trained_together(tmp_path: Path) -> None:
    shapes = {2: "b", 4: "b"}
    trials = [shaped(n, shape=shapes.get(n, "a")) for n in range(1, 7)]
    assert launch.run(request(tmp_path, trials, pack=3, **ALONE)) == 0
    assert packs(tmp_path) == [[1, 3, 5], [2, 4], [6]]
    assert {status for _, status, _ in tried(tmp_path)} == {"passed"}
    with opened(tmp_path) as store:
        scores = [result.measures["val_acc"] for _, result, _ in store.final_results()]
    assert scores == [51, 52, 53, 54, 55, 56]  # each has its own, whatever the order of endings


def test_all_workers_have_work(tmp_path: Path) -> None:
    trials = [replace(t, config={**t.config, "SECONDS": "0.2"}) for t in several(6)]
    assert launch.run(request(tmp_path, trials, pack=64, parallel=2, **ENTRY)) == 0
    first, *rest = packs(tmp_path)
    assert first == [1, 2, 3] and sorted(sum(rest, [])) == [4, 5, 6]


def test_one_at_a_time_is_never_a_pack_nor_a_question(tmp_path: Path) -> None:
    assert launch.run(request(tmp_path, several(3), pack=1, **ALONE)) == 0  # no ASKED to write to
    assert packs(tmp_path) == [[1], [2], [3]]


def test_an_entry_that_knows_no_packs_trains_alone_and_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch.run(request(tmp_path / "a", several(3), parallel=1)) == 0
    assert packs(tmp_path / "a") == [[1], [2], [3]]
    assert launch.run(request(tmp_path / "b", several(3), pack=3, parallel=1)) == 0
    assert packs(tmp_path / "b") == [[1, 2, 3]]  # on demand, one after the other in one task
    assert "note:" not in capsys.readouterr().out


def probed(folder: Path, count: int, answer: str, shapes: str = "a") -> list[Trial]:
    common = {"ASKED": str(folder / "asked"), "ANSWER": answer}
    names = (shapes * count)[:count]
    return [shaped(n, shape=shape, **common) for n, shape in enumerate(names, 1)]


@pytest.mark.parametrize("in_process", [False, True])
def test_a_probe_says_how_large_packs_are(tmp_path: Path, in_process: bool) -> None:
    trials = [*probed(tmp_path, 7, "3"), *probed(tmp_path, 8, "3", "b")[-1:]]
    assert launch.run(request(tmp_path, trials, in_process=in_process, **ALONE)) == 0
    assert packs(tmp_path) == [[1, 2, 3], [4, 5, 6], [7], [8]]
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "a 7\n"
    with opened(tmp_path) as store:
        assert store.header.packs == {"a": {"size": 3, "why": ""}}


def test_why_not_to_pack_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trials = probed(tmp_path, 6, "1 packs are slower here", "ab")
    assert launch.run(request(tmp_path, trials, **ALONE)) == 0
    assert all(len(pack) == 1 for pack in packs(tmp_path))
    assert sorted((tmp_path / "asked").read_text(encoding="utf-8").splitlines()) == ["a 3", "b 3"]
    printed = capsys.readouterr().out
    assert printed.count("note: trials run one at a time: packs are slower here\n") == 1
    with opened(tmp_path) as store:
        assert (store.header.packs or {})["b"] == {"size": 1, "why": "packs are slower here"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("raise", r"the probe ended with pack_crash: RuntimeError: broken together"),
        ("exit", r"the probe ended with pack_crash: worker exited with code 7: .*"),
        ("hang", r"the probe took over 0 s"),
    ],
)
def test_a_probe_that_comes_to_nothing_means_one_at_a_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    why: str,
) -> None:
    if answer == "hang":
        monkeypatch.setattr(pack_probe, "PATIENCE", 0.3)
    assert launch.run(request(tmp_path, probed(tmp_path, 3, answer), **ALONE)) == 0
    assert packs(tmp_path) == [[1], [2], [3]]
    assert {(status, reason) for _, status, reason in tried(tmp_path)} == {("passed", "")}
    notes = re.findall(r"note: trials run one at a time: (.*)", capsys.readouterr().out)
    assert len(notes) == 1 and re.fullmatch(why, notes[0])


def test_a_bad_trial_takes_nobody_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = several(4, _2={"PACKED": "raise", "act": "crash"})
    assert launch.run(request(tmp_path, trials, pack=4, **ALONE)) == 1
    assert packs(tmp_path) == [[1, 2, 3, 4], [1], [2], [2]]
    assert tried(tmp_path) == [
        (1, "error", "pack_crash"),
        (1, "passed", ""),
        (2, "error", "pack_crash"),
        (2, "error", "crash"),
        (2, "error", "crash"),
        (3, "passed", ""),
        (4, "passed", ""),
    ]
    line = "note: config_001 +3: pack_crash: RuntimeError: broken together (2 to be run again)\n"
    assert capsys.readouterr().out.count(line) == 1


@pytest.mark.parametrize(("kind", "how"), [("exit", "code 7"), ("kill", "signal 9")])
def test_a_worker_that_dies_costs_only_what_was_unfinished(
    tmp_path: Path, kind: str, how: str
) -> None:
    trials = several(4, _3={"PACKED": kind})
    assert launch.run(request(tmp_path, trials, pack=4, **ALONE)) == 0
    assert packs(tmp_path) == [[1, 2, 3, 4], [1], [2], [3]]
    lost = [a for a in attempts(tmp_path) if a.status == "error"]
    assert [(a.trial, a.reason) for a in lost] == [(n, "pack_crash") for n in (1, 2, 3)]
    assert all(how in a.message for a in lost)


def test_a_pack_that_does_not_fit_is_halved_until_it_does(tmp_path: Path) -> None:
    trials = several(9, **{f"_{n}": {"FITS": "2"} for n in range(1, 10)})
    assert launch.run(request(tmp_path, trials, pack=8, MAX_ATTEMPTS="1", **ALONE)) == 0
    first, second, *rest = packs(tmp_path)
    assert (first, second) == ([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 9])
    assert rest == [[4, 5], [6, 7], [8, 9], [1, 2], [3]]


@pytest.mark.parametrize(("times", "again"), [("0", 2), ("2", 1)])
def test_each_trial_of_a_pack_has_exactly_one_result(
    tmp_path: Path, times: str, again: int
) -> None:
    """Trial 2 has none, or another one before trial 1 has its own."""
    trials = several(3, _2={"TIMES": times})
    assert launch.run(request(tmp_path, trials, pack=3, **ALONE)) == 0
    assert packs(tmp_path) == [[1, 2, 3], [again]]


def test_what_goes_wrong_after_the_last_result_costs_nothing(tmp_path: Path) -> None:
    trials = several(3, _1={"AFTER": "raise"})
    assert launch.run(request(tmp_path, trials, pack=3, **ALONE)) == 0
    assert packs(tmp_path) == [[1, 2, 3]]


def test_a_pack_has_the_time_of_all_its_trials_and_each_alone_its_own(tmp_path: Path) -> None:
    trials = several(2, _1={"PACKED": "hang", "act": "hang"}, _2={"EPOCHS": "3", "SECONDS": "0.4"})
    asked_for = request(tmp_path, trials, pack=2, TRIAL_TIMEOUT="1", MAX_ATTEMPTS="1", **ALONE)
    assert launch.run(asked_for) == 1
    assert tried(tmp_path) == [
        (1, "error", "pack_timeout"),
        (1, "error", "timeout"),
        (2, "passed", ""),  # 1.2 s are within the 2 s of two trials
    ]
    message = "stopped after 2 s, the limit that CONFIG_TRIAL_TIMEOUT sets for 2 trials"
    assert attempts(tmp_path)[0].message == message


def test_a_full_disk_in_a_pack_stops_the_sweep(tmp_path: Path) -> None:
    trials = several(3, _2={"PACKED": "full"})
    with pytest.raises(launch.UserError, match="no space left"):
        launch.run(request(tmp_path, trials, pack=3, **ALONE))
    assert tried(tmp_path) == [
        (1, "error", "disk_full"),
        (2, "error", "disk_full"),
        (3, "passed", ""),
    ]


def hanging(count: int) -> list[Trial]:
    """A pack in which trials 4 and 3 end and trial 2 hangs, but only once."""
    return several(count, _2={"act": "hang_once"})


def mid_pack(results: Path) -> bool:
    return [a.trial for a in running(results)] == [1, 2] and any(results.glob("*/*/tried"))


def test_a_killed_worker_in_the_middle_of_a_pack(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path, hanging(4), pack=4, **ALONE)
    until(lambda: mid_pack(tmp_path))
    os.kill(running(tmp_path)[0].worker, signal.SIGKILL)
    process.communicate()
    assert process.returncode == 0
    assert packs(tmp_path) == [[1, 2, 3, 4], [1], [2]]
    assert [(n, s) for n, s, _ in tried(tmp_path) if n > 2] == [(3, "passed"), (4, "passed")]


def test_a_killed_runner_in_the_middle_of_a_pack(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path, hanging(4), pack=4, **ALONE)
    until(lambda: mid_pack(tmp_path))
    process.kill()
    process.communicate()
    assert launch.run(request(tmp_path, hanging(4), pack=4, **ALONE)) == 0
    assert packs(tmp_path) == [[1, 2, 3, 4], [1, 2]]
    assert tried(tmp_path) == [
        (1, "error", "interrupted"),
        (1, "passed", ""),
        (2, "error", "interrupted"),
        (2, "passed", ""),
        (3, "passed", ""),
        (4, "passed", ""),
    ]


def test_kill_9_at_any_time_loses_nothing_and_repeats_nothing(start: Start, tmp_path: Path) -> None:
    seeded = random.Random(2)
    undisturbed, killed = tmp_path / "a", tmp_path / "b"
    trials = [replace(t, shape="a") for t in many(tmp_path / "ends")]
    assert launch.run(request(undisturbed, trials, pack=1)) == 1
    for _ in range(5):
        before = finished(killed)
        process = start(killed, trials, pack=6, **ENTRY)
        wait_for_new_attempt(killed, process)
        time.sleep(seeded.uniform(0, 0.15))
        process.kill()
        process.communicate()
        assert before.items() <= finished(killed).items()
    assert launch.run(request(killed, trials, pack=6, **ENTRY)) == 1
    assert summary(killed) == summary(undisturbed)
    concluded = Counter(a.trial for a in attempts(killed) if a.conclusive)
    assert concluded == {n: 2 if n == 3 else 1 for n in range(1, 21)}
    assert any(len(pack) > 1 for pack in packs(killed))


def left_behind(results: Path, trials: list[Trial], reason: str) -> None:
    """A sweep whose runner was killed after a pack of 8 had ended with `reason`; 1 had passed."""
    folder = created(request(results, trials, pack=8, **ENTRY))
    with Store.open(folder / STORE) as store, store.writing():
        for number, attempt in store.begin(range(1, 9), 4711, "cpu").items():
            broken = Result(Status.ERROR, reason, "as it was")
            store.finish(number, attempt, Result(Status.PASSED) if number == 1 else broken)


@pytest.mark.parametrize(
    ("reason", "sizes"),
    [("pack_oom", [4, 3]), ("pack_crash", [1] * 7), ("pack_timeout", [1] * 7)],
)
def test_what_packs_have_shown_is_not_forgotten_by_the_next_runner(
    tmp_path: Path, reason: str, sizes: list[int]
) -> None:
    trials = several(8)
    left_behind(tmp_path, trials, reason)
    assert launch.run(request(tmp_path, trials, pack=8, MAX_ATTEMPTS="1", **ALONE)) == 0
    assert [len(pack) for pack in packs(tmp_path)] == [8, *sizes]


def test_errors_that_are_tried_again_on_request_are_packed_again(tmp_path: Path) -> None:
    trials = several(3, **{f"_{n}": {"act": "crash"} for n in (1, 2, 3)})
    for _ in range(2):
        assert launch.run(request(tmp_path, trials, pack=3, MAX_ATTEMPTS="1", **ALONE)) == 1
    assert packs(tmp_path) == [[1, 2, 3], [1], [2], [3]] * 2


def test_the_output_of_a_pack_is_found_from_each_of_its_trials(tmp_path: Path) -> None:
    assert launch.run(request(tmp_path, several(3), pack=3, **ALONE)) == 0
    first, *others = sorted(sweeps(tmp_path)[0].glob("config_*/output.log"))
    assert "a pack of 3\n" in first.read_text(encoding="utf-8")
    for number, log in enumerate(others, 2):
        (line,) = log.read_text(encoding="utf-8").splitlines()
        assert line.startswith(f"== config_00{number} attempt 1, ")
        assert line.endswith("with config_001: see ../config_001_mlp_sgd/output.log")
        assert (log.parent / "../config_001_mlp_sgd/output.log").resolve() == first


def test_packs_in_this_process(tmp_path: Path) -> None:
    trials = several(4, _2={"PACKED": "raise"})
    assert launch.run(request(tmp_path, trials, pack=4, in_process=True, **ENTRY)) == 0
    assert packs(tmp_path) == [[1, 2, 3, 4], [1], [2]]


def test_a_pack_is_one_line_beside_the_runner(tmp_path: Path) -> None:
    folder = created(request(tmp_path, several(4)))
    with locked(folder), Store.open(folder / STORE) as store:
        with store.writing():
            begun = store.begin([1, 2, 3], 1, "cpu")
            store.finish(1, begun[1], Result(Status.PASSED))
            store.progress(2, begun[2], {"epoch": 3, "epochs": 20})
        _, line, counts, _ = status_lines(folder)
    assert re.fullmatch(r"config_002 \+1 epoch 3/20  \d\.\ds", line)
    assert counts.startswith("1/4 done (1 passed), 2 running  ETA ")


def test_the_time_of_a_packed_trial_is_its_share(start: Start, tmp_path: Path) -> None:
    trials = [replace(t, config={**t.config, "SECONDS": "0.2"}) for t in several(4)]
    process = start(tmp_path, trials, pack=4, **ALONE)
    output, _ = process.communicate()
    last = float(re.findall(r"config_001 passed.* (\S+)s  ETA", output)[0])
    whole = max((a.finished or 0) - a.started for a in attempts(tmp_path))
    assert whole > 0.8  # what four trials of 0.2 s take
    assert last < whole / 2


def test_the_summary_counts_attempts_and_hides_no_trial(tmp_path: Path) -> None:
    trials = several(3, _2={"PACKED": "raise"})
    launch.run(request(tmp_path, trials, pack=3, **ALONE))
    records = json.loads((sweeps(tmp_path)[0] / "sweep_summary.json").read_text(encoding="utf-8"))
    assert [(record["status"], record["attempts"]) for record in records] == [
        ("passed", 2),
        ("passed", 2),
        ("passed", 1),
    ]
