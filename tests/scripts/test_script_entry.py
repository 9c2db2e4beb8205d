"""What a trial's program is given, and the results that come of what it says and does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from script_trials import LAST, script_task, with_command

from espalier.core.trial import Record, Result, Task
from espalier.run.workers.result_check import check_result
from espalier.scripts import script_entry
from espalier.scripts.programs import supervised_program

REPORT = 'echo \'{"epoch": %s, "val_acc": %s}\' >> "$ESPALIER_LOG"\n'


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    supervised_program.end_supervisor()


def result_of(task: Task) -> Result:
    return check_result(script_entry.train_trial(task))


def test_a_trial_passes_with_what_its_program_reports(tmp_path: Path) -> None:
    seen: list[Record] = []
    task = script_task(tmp_path, REPORT % (1, 0.5) + REPORT % (2, 0.75))
    result = check_result(script_entry.train_trial(task, seen.append))
    assert (result.status, result.measures["val_acc"]) == ("passed", 75.0)
    assert [record["val_acc"] for record in result.history] == [50.0, 75.0]
    assert seen[-1]["epoch"] == 2


def test_no_epoch_is_passed_over_where_trials_stop_at_rungs(tmp_path: Path) -> None:
    seen: list[Record] = []
    reports = [(1, 0.25), (2, 0.5), (2, 0.75), (3, 0.875)]
    task = script_task(tmp_path, "".join(REPORT % report for report in reports), STOP="asha")
    check_result(script_entry.train_trial(task, seen.append))
    last = {record["epoch"]: record["val_acc"] for record in seen}
    assert last == {1: 25.0, 2: 75.0, 3: 87.5}


def test_a_program_whose_time_is_over_ends_with_what_it_has_reported(tmp_path: Path) -> None:
    text = REPORT % (1, 0.5) + REPORT % (2, 0.25) + 'echo "$CONFIG_TRIAL_SECONDS" > given\n'
    task = timed(script_task(tmp_path, text + "sleep 600 & wait\n"))
    result = result_of(task)
    assert (result.status, result.measures["val_acc"]) == ("passed", 25.0)
    assert (task.directory / "given").read_text(encoding="utf-8") == "1\n"
    silent = result_of(timed(script_task(tmp_path, "sleep 600\n"), "0.1"))
    rule = "were over before the program had reported a measure"
    assert (silent.status, silent.message) == ("error", f"CONFIG_TRIAL_SECONDS=0.1: {rule}")


def timed(task: Task, seconds: str = "1") -> Task:
    """The task with so many seconds for its trial."""
    config = {**task.trial.config, "TRIAL_SECONDS": seconds}
    return replace(task, trials=(replace(task.trial, config=config),))


def test_its_environment_arguments_and_files(tmp_path: Path) -> None:
    text = 'env > environment; echo "$@" > arguments; pwd > where\n'
    task = script_task(tmp_path, text + LAST)
    assert result_of(task).status == "passed"
    folder = task.directory
    environment = dict(
        line.split("=", 1)
        for line in (folder / "environment").read_text(encoding="utf-8").splitlines()
        if "=" in line
    )
    assert environment["CONFIG_SEED"] == environment["ESPALIER_SEED"] == "1"
    assert environment["CONFIG_RANK_BY"] == "val_acc"
    assert environment["ESPALIER_ATTEMPT"] == "1"
    assert environment["ESPALIER_TRIAL_DIR"] == str(folder)
    assert environment["OMP_NUM_THREADS"] == "1"
    assert not {"ESPALIER_SHARERS", "ESPALIER_DEVICES"} & environment.keys()
    assert (folder / "arguments").read_text(encoding="utf-8") == "1\n"
    assert (folder / "where").read_text(encoding="utf-8") == f"{folder.resolve()}\n"
    symbols = json.loads((folder / "symbols.json").read_text(encoding="utf-8"))
    assert (symbols["SEED"], symbols["NUM_EPOCHS"], symbols["DEVICE"]) == (1, 3, "cpu")


def test_a_result_says_what_was_run_and_where_but_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "a-secret-of-mine")
    task = script_task(tmp_path, 'test "$MY_TOKEN" = a-secret-of-mine || exit 9\n' + LAST)
    result = result_of(task)
    made = result.provenance
    assert made.config == task.trial.config
    assert made.versions is not None
    assert made.versions["python"]
    assert made.pack_size == 1
    texts = [json.dumps(result.as_json())]
    texts += [path.read_text(encoding="utf-8") for path in task.directory.iterdir()]
    assert not any("a-secret-of-mine" in text for text in texts)


def test_python_is_the_interpreter_that_runs_here(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import espalier, sys\nespalier.log(val_acc=sys.executable == sys.argv[1])\n", "utf-8"
    )
    task = script_task(tmp_path, "")
    command = f"python program.py {sys.executable}"
    assert result_of(with_command(task, command)).measures["val_acc"] == 100.0


def test_measures_of_a_pattern(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = "for n in 1 2; do echo Epoch $n; echo acc=9$n%; done; exec >&- 2>&-; sleep 0.2"
    task = script_task(tmp_path, text, r"Epoch (?P<epoch>\d)|acc=(?P<val_acc>\S+)")
    assert [record["val_acc"] for record in result_of(task).history] == [91.0, 92.0]
    assert "Epoch 1\nacc=91%\nEpoch 2\nacc=92%\n" in capfd.readouterr().out
    kept = (task.directory / "measures.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(kept[0]) == {"epoch": 1}


def test_output_without_end_stops_nothing(tmp_path: Path) -> None:
    """More than a pipe holds, also from a process that the program leaves behind."""
    text = "yes noise | head -100000; echo acc=50%; yes noise & sleep 0.1"
    result = result_of(script_task(tmp_path, text, r"acc=(?P<val_acc>\d+%)"))
    assert (result.status, result.measures["val_acc"]) == ("passed", 50.0)


def test_a_pattern_that_matches_nothing_is_shown(tmp_path: Path) -> None:
    pattern = "(?P<val_acc>d+)"
    result = result_of(script_task(tmp_path, "echo first; echo; echo last 91", pattern))
    assert (result.status, result.reason) == ("error", "input")
    what = f"CONFIG_SCRIPT_PATTERN={pattern} matched none of the"
    assert result.message == f"{what} 2 lines of output, the last: last 91"
    assert result_of(script_task(tmp_path, LAST, pattern)).status == "passed"
    (tmp_path / "trial/measures.jsonl").unlink()
    empty = result_of(script_task(tmp_path, "exit 0", pattern))
    assert empty.message == f"{what} program's output, which is empty"


def test_files_that_were_changed_since_they_were_planned_are_refused(tmp_path: Path) -> None:
    task = script_task(tmp_path, LAST)
    (tmp_path / "program.sh").write_text("exit 0 # changed", encoding="utf-8")
    result = result_of(task)
    assert (result.status, result.reason) == ("error", "input")
    assert "program.sh: is not as it was when the sweep was planned" in result.message


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("exit 0", "input", "the program ended well, and reported no measure; let it call"),
        (
            "echo broken >&2; exit 7",
            "crash",
            "its program exited with code 7: output.log is missing",
        ),
        ("kill -9 $$", "crash", "its program was killed by signal 9 (SIGKILL): "),
        ("echo nonsense >> $ESPALIER_LOG; sleep 600", "input", "'nonsense': a line must be an obj"),
        ("echo '{\"val_acc\": 91}' >> $ESPALIER_LOG", "input", "val_acc=91: must be 0 to 1"),
        ("echo '{\"score\": 9}' >> $ESPALIER_LOG", "input", "the program reported score, but not"),
    ],
)
def test_what_goes_wrong_is_an_error_in_one_line(
    tmp_path: Path, text: str, reason: str, message: str
) -> None:
    result = result_of(script_task(tmp_path, text))
    assert (result.status, result.reason) == ("error", reason)
    assert result.message.startswith(message)
    assert result.provenance.settings


def test_a_program_that_is_killed_while_it_reports_is_tried_again(tmp_path: Path) -> None:
    text = LAST + """printf '{"val_acc"' >> "$ESPALIER_LOG"; """
    result = result_of(script_task(tmp_path, f"{text} kill -9 $$"))
    assert (result.status, result.reason) == ("error", "crash")
    assert [record["val_acc"] for record in result.history] == [50.0]
    assert result_of(script_task(tmp_path, text)).reason == "input"


def test_the_last_words_of_a_program_say_why(tmp_path: Path) -> None:
    task = script_task(tmp_path, "echo 'ValueError: no' >> ../trial/output.log; exit 1")
    task.log.write_text("of an earlier attempt\n", encoding="utf-8")
    assert result_of(task).message == "its program exited with code 1: ValueError: no"
    quiet = script_task(tmp_path, "exit 1")
    assert result_of(quiet).message.endswith("exited with code 1: nothing is said in output.log")


@pytest.mark.parametrize("words", ["torch.OutOfMemoryError: CUDA out of memory.", "MemoryError"])
def test_a_lack_of_memory_has_its_reason(tmp_path: Path, words: str) -> None:
    task = script_task(tmp_path, f"echo '{words}' >> output.log; exit 1")
    task.log.touch()
    assert result_of(task).reason == "oom"


def test_numbers_that_are_none_fail_whatever_the_exit_code(tmp_path: Path) -> None:
    text = "echo '{\"val_loss\": NaN}' >> $ESPALIER_LOG; exit 1"
    result = result_of(script_task(tmp_path, text))
    assert (result.status, result.reason) == ("failed", "diverged")


def test_a_second_attempt_has_the_files_and_the_epochs_of_the_first(tmp_path: Path) -> None:
    first = "echo half > state; " + REPORT % (1, 0.1) + REPORT % (2, 0.2) + "exit 1"
    assert result_of(script_task(tmp_path, first)).reason == "crash"
    second = 'test "$(cat state)" = half -a $ESPALIER_ATTEMPT = 2 || exit 9\n' + REPORT % (2, 0.9)
    result = result_of(script_task(tmp_path, second, attempt=2))
    assert [record["val_acc"] for record in result.history] == [10.0, 90.0]
    assert result.provenance.resumed == {"epoch": 1}


def test_of_several_workers_the_first_runs_the_program_on_all_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    monkeypatch.setenv("ESPALIER_DEVICES", "2,3")
    task = script_task(tmp_path, 'test "$CUDA_VISIBLE_DEVICES" = 2,3 || exit 9\n' + LAST)
    assert result_of(task).status == "passed"
    (task.directory / "measures.jsonl").unlink()
    assert script_entry.train_trial(replace(task, rank=1)).history == []
    assert not (task.directory / "measures.jsonl").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program", "CONFIG_SCRIPT: no-such-program: there is no such program here"),
        ("./program.sh", "may not be run; name its interpreter first, as in: python "),
    ],
)
def test_a_program_that_is_missing_is_said_before_a_sweep(
    tmp_path: Path, command: str, message: str
) -> None:
    task = script_task(tmp_path, "exit 0")
    result = script_entry.preflight(with_command(task, command))
    assert (result.status, result.reason) == ("error", "input")
    assert message in result.message
    assert script_entry.preflight(task).status == "passed"


def speed_of(tmp_path: Path, text: str, seconds: str = "20") -> Result:
    return script_entry.measure_speed([script_task(tmp_path, text, MEASURE_SECONDS=seconds)])


def test_the_speed_of_a_program_that_has_its_epochs(tmp_path: Path) -> None:
    measured = speed_of(tmp_path, "".join(REPORT % (n, 0.5) for n in (1, 2, 3)))
    assert measured.measures["whole"] is True
    assert len(measured.history) == 3


def test_a_program_without_epochs_takes_as_long_whatever_their_number(tmp_path: Path) -> None:
    measured = speed_of(tmp_path, LAST)
    assert [record["seconds"] for record in measured.history] == [0.0]
    assert measured.measures["startup"] > 0


def test_a_program_that_takes_long_is_measured_by_its_epochs(tmp_path: Path) -> None:
    text = (
        "n=0; while :; do n=$((n+1)); "
        + REPORT.replace("%s, ", "'$n', ", 1) % 0.5
        + "sleep 0.05; done"
    )
    measured = speed_of(tmp_path, text, "0.5")
    assert measured.measures["whole"] is False
    assert len(measured.history) >= 1


def test_a_program_that_reports_nothing_in_time_is_not_measured(tmp_path: Path) -> None:
    measured = speed_of(tmp_path, "sleep 600", "0.1")
    assert (measured.status, measured.reason) == ("failed", "unmeasured")
    assert speed_of(tmp_path, "exit 3").reason == "crash"


def test_it_needs_no_torch() -> None:
    code = "import sys; from espalier.scripts import script_entry; print('torch' in sys.modules)"
    out = subprocess.check_output([sys.executable, "-P", "-c", code], env={**os.environ})
    assert out == b"False\n"
