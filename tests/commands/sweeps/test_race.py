"""Races from the command line: to their end, wider, longer, on a finished sweep, and killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_sweep import HERE

from espalier.__main__ import main
from espalier.core.errors import UserError
from espalier.report.reports import ANALYSIS, RACE
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

RESULTS = Path("test_matrix_results")
ENTRY = ["--entry", "race_trials:train"]
HERE_ONLY = [*ENTRY, "--in-process"]
FIXED = "CONFIG_PRUNING_METHOD=none\nCONFIG_DEVICE_CPU=y\nCONFIG_SEED=1|2\n"
VARIABLES = (
    *("PARALLEL", "PACK", "NEW", "REUSE", "RANK_BY", "DIR", "RANGE_CONFIG"),
    *("ALPHA", "MARGIN", "MAX_SEEDS", "MAX_TRIALS", "SAMPLER", "NAME", "NOTE", "TAGS"),
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, as a checkout is to make."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RACE_ENDS", str(tmp_path / "ends"))
    file("0.1|0.01|0.02", "my-range")
    return tmp_path


def file(rates: str, name: str, more: str = "") -> None:
    text = f"CONFIG_LEARNING_RATE={rates}\n{FIXED}{more}"
    Path(name).write_text(text, encoding="utf-8")


def race(*words: str, code: int = 0) -> Path:
    """Race to the end, and return the folder."""
    assert main(["race", *words, *HERE_ONLY]) == code
    return sweeps(RESULTS)[0]


def outcome(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / RACE).read_text(encoding="utf-8")))


def decisions(folder: Path) -> dict[str, tuple[str, int, int | None]]:
    """Status, seeds and round by learning rate."""
    return {
        f"{each['swept']['CONFIG_LEARNING_RATE']:g}": (
            each["status"],
            each["seeds"],
            each["left_in_round"],
        )
        for each in outcome(folder)["configurations"]
    }


def ends() -> Counter[str]:
    """How often each trial has run to its end."""
    return Counter(Path("ends").read_text(encoding="utf-8").split())


def test_a_race_ends_when_the_best_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    folder = race("my-range", "--alpha", "0.2", "--max-seeds", "12")
    said = capsys.readouterr().out
    assert "until now" not in said  # there was no race before
    assert decisions(folder)["0.01"] == ("behind", 3, 3)
    result = outcome(folder)
    assert (result["alpha"], result["margin"], result["ended"]) == (0.2, 0.0, True)
    assert result["trials"] == ends().total() < result["trials_of_all_seeds"] == 36
    assert max(ends().values()) == 1
    rounds = re.findall(r"^race: (\d) of 3 configurations left after (\d+) seeds", said, re.M)
    assert rounds[0] == ("2", "3") and rounds[-1][1] == str(result["rounds"])
    assert len(rounds) == len(set(rounds))
    assert (folder / ANALYSIS).read_text(encoding="utf-8").startswith("RACE (validation accuracy")
    assert "finished already" not in said
    race("my-range")
    assert "finished already" in capsys.readouterr().out and max(ends().values()) == 1
    assert main(["sweep-status"]) == 0
    assert "\nrace: " in capsys.readouterr().out


def test_the_only_one_left_is_the_best() -> None:
    file("0.1|0.01", "far-range")
    folder = race("far-range")
    assert decisions(folder) == {"0.1": ("best", 3, None), "0.01": ("behind", 3, 3)}
    assert outcome(folder)["trials"] == 6


def test_a_race_keeps_its_name_while_it_grows(capsys: pytest.CaptureFixture[str]) -> None:
    file("0.1|0.01", "far-range")
    folder = race("far-range", "--name", "far", "--tags", "paper")
    assert folder.name.endswith("_far")
    assert race("far-range", "--name", "far", "--note", "wider") == folder
    file("0.1|0.01|0.02", "far-range")
    assert race("far-range", "--dir", str(folder)) == folder
    with Store.open(folder / STORE, readonly=True) as store:
        header = store.header
    assert (header.name, header.note, header.tags) == ("far", "wider", ["paper"])
    assert len(outcome(folder)["configurations"]) == 3
    assert main(["race", "far-range", "--dir", str(folder), "--name", "near", *HERE_ONLY]) == 2
    assert "is named far; leave NAME out" in capsys.readouterr().err


def test_decisions_are_the_same_whatever_runs_at_a_time(place: Path) -> None:
    short = ["my-range", "--max-seeds", "9"]
    alone = race(*short)
    assert main(["race", *short, *ENTRY, "--parallel", "2", "--pack", "4", "--new"]) == 0
    other = sweeps(RESULTS)[0]
    assert other != alone and decisions(other) == decisions(alone)


def test_within_a_margin_a_race_ends_before_its_cap() -> None:
    file("0.1|0.02", "near-range")
    folder = race("near-range", "--margin", "3", "--max-seeds", "30")
    assert [status for status, *_ in decisions(folder).values()] == ["within", "within"]
    assert outcome(folder)["rounds"] < 30


def test_a_longer_race_goes_on_and_what_was_decided_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = race("my-range", "--max-seeds", "4")
    short = decisions(folder)
    assert short["0.01"][0] == "behind" and short["0.1"] == ("undecided", 4, None)
    assert race("my-range", "--max-seeds", "6") == folder
    assert decisions(folder)["0.01"] == short["0.01"]
    assert outcome(folder)["rounds"] >= 5 and max(ends().values()) == 1
    assert outcome(folder)["alpha"] == 0.05
    capsys.readouterr()
    race("my-range", "--alpha", "0.3")
    assert capsys.readouterr().out.count("note: alpha was 0.05 until now;") == 1
    assert outcome(folder)["max_seeds"] == 6  # kept


def test_a_race_can_be_widened(capsys: pytest.CaptureFixture[str]) -> None:
    file("0.1|0.01", "small-range")
    folder = race("small-range")
    assert decisions(folder) == {"0.1": ("best", 3, None), "0.01": ("behind", 3, 3)}
    assert race("my-range", "--dir", str(folder), "--max-seeds", "5") == folder
    assert set(decisions(folder)) == {"0.1", "0.01", "0.02"} and max(ends().values()) == 1
    again = race("my-range")  # the folder is now that of the wider file
    assert again == folder and "finished already" in capsys.readouterr().out
    fresh = race("my-range", "--new", "--max-seeds", "5")
    assert fresh != folder and decisions(fresh) == decisions(folder)


def test_a_finished_sweep_can_be_raced_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep-generate", "my-range"]) == main(["sweep-run", *HERE_ONLY]) == 0
    (folder,) = sweeps(RESULTS)
    before = ends()
    assert race("--dir", str(folder), "--max-seeds", "6") == folder
    assert ends().keys() > before.keys() and max(ends().values()) == 1
    fresh = race("my-range", "--new", "--max-seeds", "6")
    assert decisions(fresh) == decisions(folder)
    assert main(["sweep-run", "--dir", str(folder), *HERE_ONLY]) == 0
    assert "finished already" in capsys.readouterr().out


def test_trials_of_a_race_can_run_again_and_its_store_is_made_again() -> None:
    folder = race("my-range", "--max-seeds", "5")
    before = decisions(folder)
    assert main(["sweep-again", "--trials", "config_001", *HERE_ONLY]) == 0
    assert decisions(folder) == before and max(ends().values()) == 2
    (folder / STORE).unlink()
    assert main(["sweep-rebuild", "--dir", str(folder)]) == 0
    race("my-range")
    assert decisions(folder) == before


def test_failed_trials_are_data() -> None:
    file("0.1|0.01|0.7", "failing-range")  # 0.7 diverges
    folder = race("failing-range", code=1)
    assert decisions(folder) == {
        "0.1": ("best", 3, None),
        "0.01": ("behind", 3, 3),
        "0.7": ("undecided", 3, 3),
    }


def test_another_measure_decides() -> None:
    folder = race("my-range", "--rank-by", "val_loss", "--max-seeds", "4")
    assert outcome(folder)["by"] == "val_loss" and decisions(folder)["0.01"][0] == "behind"
    with Store.open(folder / STORE, readonly=True) as store:
        rules = store.header.race
    assert rules is not None and rules.by == "val_loss"


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["my-range", "--alpha", "2"], "--alpha 2: must be a number above 1e-09 and below 1"),
        (["my-range", "--margin", "-1"], "--margin -1: must be a number from 0 to 1e+09"),
        (["my-range", "--margin", "inf"], "--margin inf: must be a number from 0 to 1e+09"),
        (["my-range", "--margin", "1e300"], "--margin 1e300: must be a number from 0 to 1e+09"),
        (["my-range", "--max-seeds", "1"], "--max-seeds 1: must be an integer from 2 to 10000"),
        (["my-range", "--rank-by", "beauty"], "--rank-by beauty"),
        (["split-range"], "CONFIG_SPLIT_SEED=1|2: must have one value"),
        (["single-range"], "has 1 configuration beside its seeds"),
        ([], "race: names no range file; give RANGE_CONFIG=<file>, or DIR=<folder>"),
        (["--dir", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line_before_anything_runs(
    words: list[str], rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file("0.1|0.01", "split-range", "CONFIG_SPLIT_SEED=1|2\n")
    file("0.1", "single-range")
    assert main(["race", *words, *HERE_ONLY]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and rule in line
    assert not RESULTS.exists() and not Path("ends").exists()


def test_make_gives_values_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARGIN", "-1")
    assert main(["race", "my-range", *HERE_ONLY]) == 2
    assert "error: MARGIN=-1: must be a number from 0 to 1e+09" in capsys.readouterr().err
    monkeypatch.setenv("MARGIN", "")
    monkeypatch.setenv("MAX_SEEDS", "3")
    assert outcome(race("my-range"))["max_seeds"] == 3


def test_dir_says_where_alone() -> None:
    folder = race("my-range", "--max-seeds", "3")
    with pytest.raises(UserError, match="--new: --dir .* leave it out"):
        raced_on(folder, "--new")
    with pytest.raises(UserError, match="--output-dir: --dir .* leave it out"):
        raced_on(folder, "--output-dir", "elsewhere")


def raced_on(folder: Path, *words: str) -> None:
    from espalier.commands.sweeps.race import command

    command.main(["--dir", str(folder), *words], standalone_mode=False)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_race_goes_on_to_the_same_decisions(
    place: Path, spawn: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    undisturbed = race("my-range", "--max-seeds", "8")
    raced = decisions(undisturbed)
    command = [sys.executable, "-P", "-m", "espalier", "race", "my-range", *ENTRY]
    command += ["--max-seeds", "8"]
    environ = {**os.environ, "RACE_SECONDS": "0.02"}
    process = spawn([*command, "--new", "--parallel", "1"], stdout=subprocess.DEVNULL, env=environ)
    while process.poll() is None and (len(sweeps(RESULTS)) < 2 or attempts() < 10):
        time.sleep(0.02)
    os.killpg(process.pid, number)
    assert process.wait() == (130 if number == signal.SIGINT else -signal.SIGKILL)
    folder = sweeps(RESULTS)[0]
    assert folder != undisturbed and main(["sweep-run", "--dir", str(folder), *HERE_ONLY]) == 0
    assert decisions(folder) == raced
    with Store.open(folder / STORE, readonly=True) as store:
        passed = Counter(each.trial for each in store.attempts() if each.status == "passed")
    assert max(passed.values()) == 1


def attempts() -> int:
    with Store.open(sweeps(RESULTS)[0] / STORE, readonly=True) as store:
        return len(store.attempts())


def test_what_a_sampler_proposes_is_raced_after_its_sweep(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("optuna")
    assert main(["race", "my-range", "--sampler", "tpe", *HERE_ONLY]) == 2
    assert "SAMPLER=tpe: proposes by results, and a race trains" in capsys.readouterr().err
