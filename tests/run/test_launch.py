from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import fake_sweep
import pytest
from fake_sweep import HERE, Start, created, request, trial

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader, Revision
from espalier.core.trial import Record
from espalier.plan.sweep_naming import SweepNaming
from espalier.run import entries, launch
from espalier.run.displays.progress import Display, Ending, outcome
from espalier.run.displays.terminal_display import PlainDisplay
from espalier.run.opening import sweep_opening
from espalier.run.status_text import status_lines
from espalier.store import plan_files, results_dir
from espalier.store.locks import CHOICE, LOCK, locked, runner_of
from espalier.store.results_dir import STORE, new_sweep_path, sweeps
from espalier.store.store import Store
from espalier.store.sweep_files import METRICS

GO_ON = ".venv/bin/python -m espalier sweep-run --dir"  # these sweeps have an entry of their own
WITH = "--entry fake_entry:train"
TWO = [trial(1), trial(2)]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def ran(folder: Path) -> int:
    with Store.open(folder / STORE, readonly=True) as store:
        return len(store.attempts())


def test_a_finished_sweep_is_not_run_again_unless_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for new in (False, False, True):
        assert launch.run(request(tmp_path, TWO, new=new)) == 0
    assert [ran(folder) for folder in sweeps(tmp_path)] == [2, 2]
    output = capsys.readouterr().out
    assert output.count("finished already; NEW=1 (--new) runs this plan again") == 1
    assert output.count("2 trials: 2 passed") == 3


def test_another_plan_is_another_sweep(tmp_path: Path) -> None:
    launch.run(request(tmp_path, TWO))
    launch.run(request(tmp_path, TWO, plan_id="other"))
    assert len(sweeps(tmp_path)) == 2


def test_an_unfinished_sweep_goes_on_with_the_settings_of_today(tmp_path: Path) -> None:
    launch.run(request(tmp_path, [trial(1, "crash")], MAX_ATTEMPTS="1"))
    launch.run(request(tmp_path, [trial(1, "crash")], MAX_ATTEMPTS="1", DATA_DIR="mended"))
    (folder,) = sweeps(tmp_path)
    with Store.open(folder / STORE) as store:
        assert store.header.settings["DATA_DIR"] == "mended"
        assert [attempt.round for attempt in store.attempts()] == [1, 2]


def test_results_can_have_a_folder_of_their_own(tmp_path: Path) -> None:
    mine = tmp_path / "my_sweep_results"
    for _ in range(2):
        assert launch.run(request(tmp_path, TWO, output=mine)) == 0
    assert {"sweep.db", "sweep_summary.json", "sweep_analysis.txt", "config_001_mlp_sgd"} <= {
        path.name for path in mine.iterdir()
    }
    assert ran(mine) == 2
    with pytest.raises(UserError, match="holds the results of another plan"):
        launch.run(request(tmp_path, TWO, output=mine, plan_id="other"))
    with pytest.raises(UserError, match="holds results already"):
        launch.run(request(tmp_path, TWO, output=mine, new=True))


def test_a_dry_run_says_what_would_run_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = [trial(1), trial(2, "crash")]
    assert launch.preview(request(tmp_path, trials)) == 0
    expected = "would run 2 of 2 trials\nconfig_001 CONFIG_LR=0.001\nconfig_002 CONFIG_LR=0.002\n"
    assert capsys.readouterr().out == expected
    assert list(tmp_path.iterdir()) == []
    launch.run(request(tmp_path, trials))
    capsys.readouterr()
    launch.preview(request(tmp_path, trials))
    assert "0 of 2 trials" in capsys.readouterr().out


def test_two_sweeps_in_one_second_have_two_names(tmp_path: Path) -> None:
    made = []
    for _ in range(11):
        made.append(new_sweep_path(tmp_path, now=0))
        results_dir.create(made[-1], PlanHeader(), [])
    assert re.fullmatch(r"sweep_\d{8}_\d{6}", made[0].name)
    assert made[1].name == made[0].name + "_2"
    assert sweeps(tmp_path) == made[::-1]


def test_a_broken_entry_stops_the_sweep_with_one_line(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path, TWO, entry="no_such_module:train")
    output, _ = process.communicate()
    assert process.returncode == 2
    assert "No module named 'no_such_module'" in output.splitlines()[-1]
    assert "Traceback" not in output


def test_without_torch_it_is_one_line_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries.importlib.util, "find_spec", lambda name: None)
    trained = request(tmp_path, [trial(1)], entry=entries.LIBRARY)
    with pytest.raises(UserError, match="^torch is not installed; make setup-train installs what"):
        launch.run(trained)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_gpu_is_one_line_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="no NVIDIA GPU is visible"):
        launch.run(request(tmp_path, TWO, DEVICE="cuda"))
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_there_are_plain_lines(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path, [trial(1), trial(2, "diverge")], parallel=1)
    output, _ = process.communicate()
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", output)
    lines = output.splitlines()
    assert lines[0].endswith(": new sweep, 2 of 2 trials, 1 at a time on the CPU")
    assert re.fullmatch(
        r"\[1/2\] config_001 passed val 51\.0% sparsity 70\.0% \S+s  ETA .*", lines[1]
    )
    assert re.fullmatch(r"\[2/2\] config_002 failed diverged: .* \S+s  ETA 0\.0s", lines[2])
    assert any(line == "2 trials: 1 passed, 1 failed" for line in lines)
    assert "cat " in lines[-1] and lines[-1].endswith("output.log`")


def test_on_a_terminal_running_trials_are_shown(tmp_path: Path) -> None:
    command = fake_sweep.command(tmp_path, [trial(1, EPOCHS="3", SECONDS="0.3")])
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PYTHONPATH": str(HERE)}
    with subprocess.Popen(command, stdout=theirs, env=environ) as process:
        os.close(theirs)
        seen = b""
        while chunk := _read(ours):
            seen += chunk
    os.close(ours)
    assert process.returncode == 0
    text = seen.decode()
    assert "config_001 epoch 2/3 val 20.0%" in text
    assert "0/1 done, 1 running  ETA" in text
    assert "sweep_analysis.txt\r\n" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize("output", ["gone", "full", "closed"])
def test_whatever_becomes_of_the_output_the_trials_run(tmp_path: Path, output: str) -> None:
    command = fake_sweep.command(tmp_path, [trial(1), trial(2, "diverge")])
    environ = {**os.environ, "PYTHONPATH": str(HERE), "LC_ALL": "C", "PYTHONUNBUFFERED": ""}
    redirect = {"gone": "| true", "full": ">/dev/full 2>&1", "closed": ">&- 2>&-"}[output]
    shell = ["bash", "-c", f'"$0" "$@" {redirect}; exit ${{PIPESTATUS[0]}}']
    code = subprocess.run([*shell, *command], env=environ, check=False).returncode
    (folder,) = sweeps(tmp_path)
    with Store.open(folder / STORE, readonly=True) as store:
        assert store.counts() == {"passed": 1, "failed": 1}
    assert (folder / "sweep_analysis.txt").exists()
    assert code == 1


def test_a_full_disk_stops_the_sweep_and_freed_space_lets_it_go_on(tmp_path: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    trials = [trial(n) for n in range(1, 41)]
    command = fake_sweep.command(tmp_path, trials)
    process = subprocess.run(
        command, preexec_fn=limited, capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    (error,) = (line for line in process.stdout.splitlines() if line.startswith("error"))
    assert "no space left on the disk: stopped" in error
    assert process.stderr == ""
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        passed = store.counts()["passed"]
        assert 0 < passed < 40
    assert launch.run(request(tmp_path, trials)) == 0
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        tries = [(item.trial, item.status) for item in store.attempts() if not item.reason]
    assert tries == [(number, "passed") for number in range(1, 41)]  # each came to its end once


def test_the_newest_sweep_is_the_one_that_began_last_whatever_its_name(tmp_path: Path) -> None:
    late, early = tmp_path / "sweep_20260101_000000", tmp_path / "sweep_20260102_000000"
    for folder in (early, late):  # a clock was put back, or the sweep came from elsewhere
        results_dir.create(folder, PlanHeader(), [])
    assert sweeps(tmp_path) == [late, early]


def test_stores_that_are_no_use_are_noted_and_block_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch.run(request(tmp_path, TWO)) == 0
    for name, content in (("sweep_x", b""), ("sweep_y", b"noise" * 1000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / STORE).write_bytes(content)
    newer = tmp_path / "sweep_z" / STORE
    results_dir.create(newer.parent, PlanHeader(), [])
    with closing(sqlite3.connect(newer)) as db, db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    capsys.readouterr()
    assert launch.run(request(tmp_path, TWO)) == 0
    output = capsys.readouterr()
    assert "finished already" in output.out
    notes = sorted(output.err.splitlines())
    assert [line.split(STORE)[0] for line in notes] == [
        f"note: left out: {tmp_path}/sweep_{x}/" for x in "xyz"
    ]
    for name in ("sweep_x", "sweep_y", "sweep_z"):  # named, it must be right
        with pytest.raises(UserError, match=STORE):
            launch.run(request(tmp_path, TWO, output=tmp_path / name))


def test_going_on_with_a_finished_sweep_reads_and_writes_no_file_of_a_trial_and_no_report(
    tmp_path: Path,
) -> None:
    assert launch.run(request(tmp_path, TWO)) == 0
    (folder,) = sweeps(tmp_path)
    path = next(folder.glob(f"*/{METRICS}"))
    time = path.stat().st_mtime_ns
    path.write_text("not read", encoding="utf-8")
    os.utime(path, ns=(time, time))
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if is_derived(file)}
    assert launch.run(request(tmp_path, TWO)) == 0
    after = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if is_derived(file)}
    assert before == after and path.read_text(encoding="utf-8") == "not read"
    (folder / "report.html").unlink()
    assert launch.run(request(tmp_path, TWO)) == 0
    assert (folder / "report.html").exists()


def is_derived(file: Path) -> bool:
    return file.is_file() and file.suffix in {".json", ".txt", ".html"}


def test_a_runner_killed_while_it_makes_a_sweep_leaves_nothing_for_long(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from espalier.store import results_dir\n"
        "from espalier.core.records import PlanHeader\n"
        "folder = results_dir.new_sweep_path(Path(sys.argv[1]))\n"
        "results_dir.create(folder, PlanHeader(), (os.kill(os.getpid(), 9) for _ in range(1)))\n"
    )
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert process.returncode == -9
    (left,) = tmp_path.iterdir()
    assert any(left.iterdir()) and not (left / STORE).exists()
    mine = tmp_path / "sweep_mine"
    shutil.copytree(left, mine)
    for output in (None, mine):
        assert launch.run(request(tmp_path, TWO, output=output)) == 0
    assert set(tmp_path.iterdir()) - {tmp_path / CHOICE} == set(sweeps(tmp_path))
    assert list(mine.glob(f".{STORE}.*")) == []


def test_a_sweep_whose_runner_was_killed_at_once_has_a_status(tmp_path: Path) -> None:
    folder = created(request(tmp_path, TWO))
    assert list(status_lines(folder))[1:] == [
        "0/2 done: none",
        f"no runner has it; `{GO_ON} {folder} {WITH}` goes on where it stopped",
    ]


CODE = {"commit": "a" * 40, "modified": False, "changes": ""}


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ({}, ""),
        ({"commit": "b" * 40}, "(commit aaaaaaaaaaaa; now commit bbbbbbbbbbbb)"),
        (
            {"modified": True, "changes": "1", "files": ["lib/a.py"]},
            "(commit aaaaaaaaaaaa; now commit aaaaaaaaaaaa with changes in lib/a.py)",
        ),
        ({"commit": "", "modified": False}, ""),  # no git here: nothing can be said
    ],
)
def test_results_of_other_code_are_noted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    now: Record,
    line: str,
) -> None:
    monkeypatch.setenv("FAKE_CODE", json.dumps(CODE))
    monkeypatch.setattr(revision, "code", lambda: Revision(**{**CODE, **now}))
    trials = [trial(1, "coded"), trial(2), trial(3, "once")]
    for _ in range(3):  # a new one, one that goes on, one that is finished already
        launch.run(request(tmp_path, trials, MAX_ATTEMPTS="1"))
    *_, goes_on, finished = capsys.readouterr().out.split("3 trials: ")[:3]
    note = f"note: 1 of {{}} results were made by other code {line}; NEW=1 runs everything again"
    assert (note.format(2) in goes_on, note.format(3) in finished) == (bool(line), bool(line))
    assert ("note:" in goes_on) is bool(line)


def test_the_lock_waits_for_one_who_only_asks(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    asking = (tmp_path / LOCK).open()
    fcntl.flock(asking, fcntl.LOCK_SH)
    later = threading.Timer(0.2, asking.close)
    later.start()
    with locked(tmp_path):
        assert runner_of(tmp_path) != ""
    later.join()


def test_the_lock_is_free_again_after_its_owner(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert runner_of(tmp_path).startswith(f"process {os.getpid()} on ")
        with pytest.raises(UserError, match="is running this sweep"), locked(tmp_path):
            pass
    assert runner_of(tmp_path) == ""
    with locked(tmp_path):
        pass


def test_a_sweep_that_goes_on_shows_what_failed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[list[str]] = []

    def opened(earlier: Sequence[Ending]) -> Display:
        shown.append([outcome(ending) for ending in earlier])
        return PlainDisplay()

    monkeypatch.setattr(launch, "display", opened)
    trials = [trial(1, "crash"), trial(2)]
    for _ in range(2):
        launch.run(request(tmp_path, trials, MAX_ATTEMPTS="1"))
    first, second = shown
    assert first == []
    assert [line.partition(": ")[0] for line in second] == ["config_001 error crash"]


def test_status_of_a_finished_and_of_a_stopped_sweep(tmp_path: Path) -> None:
    launch.run(request(tmp_path, TWO))
    (folder,) = sweeps(tmp_path)
    assert list(status_lines(folder)) == [str(folder), "finished: 2 passed"]
    with Store.open(folder / STORE) as store, store.writing():
        store.begin([2], 1, "cpu")
    assert list(status_lines(folder))[1:] == [
        "1/2 done: 1 passed",
        f"no runner has it; `{GO_ON} {folder} {WITH}` goes on where it stopped",
    ]


def test_status_beside_the_runner(tmp_path: Path) -> None:
    launch.run(request(tmp_path, TWO))
    (folder,) = sweeps(tmp_path)
    with locked(folder), Store.open(folder / STORE) as store:
        with store.writing():
            record = {
                "epoch": 3,
                "epochs": 20,
                "train_loss": 0.5,
                "val_acc": 93.1,
                "sparsity": 0.35,
            }
            store.progress(2, store.begin([2], 1, "cpu")[2], record)
        _, line, counts, runner = status_lines(folder)
    assert re.fullmatch(
        r"config_002 epoch 3/20 loss 0\.5 val 93\.1% sparsity 35\.0%  \d\.\ds", line
    )
    assert counts.startswith("1/2 done (1 passed), 1 running  ETA ")
    assert runner.startswith("run by process ")


NAMED = SweepNaming("first-try", "why", ["paper"])


def test_a_named_sweep_is_gone_on_with_by_its_plan(tmp_path: Path) -> None:
    launch.run(request(tmp_path, [trial(1, "crash")], MAX_ATTEMPTS="1", naming=NAMED))
    launch.run(request(tmp_path, [trial(1, "crash")], MAX_ATTEMPTS="1"))
    again = SweepNaming("first-try", None, ["thesis"])
    launch.run(request(tmp_path, [trial(1, "crash")], MAX_ATTEMPTS="1", naming=again))
    (folder,) = sweeps(tmp_path)
    assert re.fullmatch(r"sweep_\d{8}_\d{6}_first-try", folder.name)
    assert ran(folder) == 3
    with Store.open(folder / STORE) as store:
        header = store.header
    assert (header.name, header.note, header.tags) == ("first-try", "why", ["thesis"])
    assert plan_files.read_sweep(folder).header == header
    assert list(status_lines(folder))[1:4] == ["Name: first-try", "Note: why", "Tags: thesis"]


def test_another_name_runs_nothing_and_says_why(tmp_path: Path) -> None:
    launch.run(request(tmp_path, TWO, naming=NAMED))
    (first,) = sweeps(tmp_path)
    second = SweepNaming("second")
    for more in ({}, {"output": first}):
        with pytest.raises(UserError) as caught:
            launch.run(request(tmp_path, TWO, naming=second, **more))
        assert str(caught.value) == (
            f"NAME=second: {first} is a sweep of this plan and is named first-try; "
            "leave NAME out to go on with it, or begin another one with NEW=1"
        )
    assert sweeps(tmp_path) == [first]
    launch.run(request(tmp_path, TWO, naming=second, new=True))
    assert sweep_opening.existing(request(tmp_path, TWO, naming=NAMED)) == first
    latest = sweep_opening.existing(request(tmp_path, TWO))
    assert latest is not None and latest.name.endswith("_second")
    launch.run(request(tmp_path, TWO, new=True))
    with pytest.raises(UserError, match="NAME=third: .* and has no name; leave NAME out"):
        launch.run(request(tmp_path, TWO, naming=SweepNaming("third")))


def test_the_name_of_a_plan_is_for_its_next_new_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launch.run(request(tmp_path, TWO))
    (first,) = sweeps(tmp_path)
    planned = replace(request(tmp_path, TWO).header, name="later")
    launch.run(request(tmp_path, TWO, header=planned))
    note = f"note: {first} keeps its name; a sweep named later begins with NEW=1"
    assert note in capsys.readouterr().out
    launch.run(request(tmp_path, TWO, header=planned, new=True))
    newest, _ = sweeps(tmp_path)
    assert newest.name.endswith("_later")


def test_a_name_out_of_a_strangers_store_makes_no_path(tmp_path: Path) -> None:
    foreign = replace(request(tmp_path, TWO).header, name="../../out")
    with pytest.raises(UserError, match=r"NAME=\.\./\.\./out: must be letters a-z"):
        launch.run(request(tmp_path, TWO, header=foreign))
    assert not list(tmp_path.glob("sweep_*"))
