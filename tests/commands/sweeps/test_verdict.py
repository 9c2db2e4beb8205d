from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from given_variables import give
from stored_sweeps import stored
from two_arms import two_arms

from espalier.__main__ import main
from espalier.core.paths import ROOT

SIDES = ["--a", "METHOD=state", "--b", "METHOD=magnitude"]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return stored(tmp_path / "sweep_1", two_arms())


def verdict(folder: Path | str, *arguments: str) -> int:
    return main(["verdict", *SIDES, "--sweep", str(folder), *arguments])


@pytest.mark.parametrize(
    ("gains", "arguments", "code", "word"),
    [
        ([0.5, 0.25, 0.75, 0.5], [], 0, "BETTER"),
        ([-0.5, -0.25, -0.75, -0.5], [], 1, "WORSE"),
        ([0.25, -0.25, 0.125, -0.125], ["--margin", "1"], 2, "EQUIVALENT"),
        ([0.25, -0.25, 0.125, -0.125], [], 3, "UNDECIDED"),
        ([0.5, 0.25, 0.75, 0.5], ["--alpha", "0.01"], 3, "UNDECIDED"),
    ],
)
def test_the_exit_code_is_the_answer(
    gains: Sequence[float],
    arguments: list[str],
    code: int,
    word: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = stored(tmp_path / "sweep_1", two_arms(gains))
    assert verdict(folder, *arguments) == code
    assert capsys.readouterr().out.startswith(f"{word}: ")
    assert verdict(folder, *arguments, "--json") == code
    assert json.loads(capsys.readouterr().out)["verdict"] == word.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--a", "METHOD=stat"], "A=METHOD=stat: no trial has METHOD=stat; did you mean state?"),
        (["--b", ""], "B is missing: give two sides"),
        (["--b", "magnitude"], "B=magnitude: must be SYMBOL=value"),
        (["--b", "METHOD=state"], "A=METHOD=state and B=METHOD=state: are the same"),
        (["--margin", "-1"], "--margin -1: must be a number from 0 to 1e+09"),
        (["--margin", "1e300"], "--margin 1e300: must be a number from 0 to 1e+09"),
        (["--margin", "inf"], "--margin inf: must be a number from 0 to 1e+09"),
        (["--alpha", "1"], "--alpha 1: must be a number above 1e-09 and below 1"),
        (["--alpha", "1e-17"], "--alpha 1e-17: must be a number above 1e-09 and below 1"),
        (["--sweep", "nowhere"], "nowhere: no such folder"),
        (["--sweep", "a,,b"], "--sweep a,,b: names an empty folder; give <folder>,<folder>"),
        (["--marg", "1"], "verdict: no such option '--marg'; did you mean --margin or --a?"),
    ],
)
def test_bad_input_is_one_line_and_code_4(
    arguments: list[str], message: str, sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict(sweep, *arguments) == 4
    shown = capsys.readouterr()
    assert (shown.out, len(shown.err.splitlines())) == ("", 1)
    assert shown.err.startswith(f"error: {message}")


def test_several_sweeps_are_read_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = stored(tmp_path / "sweep_1", two_arms([0.5, 0.25]))
    second = stored(tmp_path / "sweep_2", two_arms([0.5, 0.25, 0.75, 0.5]))
    assert verdict(first) == 3
    assert verdict(f"{first}, {second}", "--json") == 0
    record = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    assert (record["n"], record["left_out"]["trials_in_several_folders"]) == (4, 4)
    assert record["folders"] == [str(first), str(second)]
    capsys.readouterr()
    assert verdict(f"{first},{second}", "--a", "config_001", "--b", "config_003") == 4
    assert capsys.readouterr().err.startswith("error: config_001: names a trial of each of several")
    assert verdict(first, "--a", "config_001", "--b", "config_003") == 3


def test_sweeps_that_are_ranked_by_different_measures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [stored(tmp_path / f"{by}", two_arms(), by=by) for by in ("val_acc", "test_acc")]
    both = ",".join(map(str, folders))
    assert verdict(both) == 4
    assert "ranked by val_acc and by test_acc; say by which to compare" in capsys.readouterr().err
    assert verdict(both, "--by", "val_acc") == 0


def test_a_race_may_be_looked_at_at_any_time(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sweep / "sweep_race.json").write_text("{}", encoding="utf-8")
    assert verdict(sweep, "--json") == 3  # four seeds are better only if it was one look
    assert json.loads(capsys.readouterr().out)["anytime"] is True
    verdict(sweep)
    assert "at whatever moment one looks: the seeds are those of a race" in capsys.readouterr().out


def test_variables_of_make(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = {
        "A": "CONFIG_METHOD=magnitude",
        "B": "METHOD=state",
        "WHERE": "MODEL=mlp",
        "SWEEP": str(sweep),
        "MARGIN": "0.25",
        "ALPHA": "0.1",
        "RANK_BY": "test_acc",
        "JSON": "1",
    }
    give(monkeypatch, **variables)
    assert main(["verdict"]) == 3  # the test accuracy is the same throughout
    record = json.loads(capsys.readouterr().out)
    assert (record["a"], record["where"], record["measure"]) == (
        *("METHOD=magnitude", "MODEL=mlp", "test_acc"),
    )
    assert (record["margin"], record["alpha"], record["difference"]) == (0.25, 0.1, 0.0)


def test_make_turns_every_other_code_than_0_into_2(sweep: Path) -> None:
    def made(first: str, second: str) -> int:
        command = ["make", "-s", "verdict", f"A=METHOD={first}", f"B=METHOD={second}"]
        done = subprocess.run([*command, f"SWEEP={sweep}"], cwd=ROOT, capture_output=True)
        return done.returncode

    assert (made("state", "magnitude"), made("magnitude", "state")) == (0, 2)


def test_it_opens_without_torch(sweep: Path) -> None:
    code = (
        "import sys; from espalier.__main__ import main; "
        f"main({['verdict', *SIDES, '--sweep', str(sweep)]!r}); "
        "sys.exit('torch' in sys.modules or 'scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr
