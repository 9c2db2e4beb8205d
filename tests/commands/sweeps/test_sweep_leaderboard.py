from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from control_arms import run as ran
from stored_sweeps import stored
from trial_results import ended, nets, passed, sweep, trial

from espalier.__main__ import main, run
from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.store.results_dir import newest_sweep


def leaderboard(argv: list[str]) -> int:
    return run(["sweep-leaderboard", *argv])


def test_table_of_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0, 92.0], "0.87": [95.0, 96.0]}))
    assert leaderboard(["--dir", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Trials: 4 planned: 4 passed"
    table = [line.split() for line in lines].index(
        [
            *("#", "config", "val", "acc", "test", "acc"),
            *("sparsity", "time", "parameters", "note"),
        ]
    )
    assert lines[table + 1].startswith("1  config_003  95.50% +/- 6.35 (n=2)")
    assert lines[table + 2].startswith("2  config_001  91.00% +/- 12.71 (n=2)")
    assert lines[3].startswith("Behind the best: one that is truly best is called so in at most 5%")
    assert "ADAMWPRUNE_BETA1=0.87" in lines[table + 1] and "SEED" not in lines[table + 1]


def test_what_ranks_has_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [passed(trial(n, 1, LR=str(n)), 50.0, val_loss=0.5 / n) for n in (1, 2)]
    folder = stored(tmp_path / "sweep_1", results)
    leaderboard(["--dir", str(folder), "--by", "val_loss"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split()[:8] == ["#", "config", "val", "loss", "val", "acc", "test", "acc"]
    assert lines[4].startswith("1  config_002  0.2500 nats (n=1: no interval)  50.00% ")


def test_a_measure_that_no_trial_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0]}))
    assert leaderboard(["--dir", str(folder), "--by", "val_loss"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("RANK_BY=val_loss: no trial that passed has a finite validation loss;")


def test_a_measure_that_nothing_knows_names_those_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0]}))
    assert main(["sweep-leaderboard", "--dir", str(folder), "--by", "luck"]) == 2
    there = "val_acc, test_acc, final_sparsity, total_time"
    error = f"error: RANK_BY=luck: no trial has luck; there are {there}\n"
    assert capsys.readouterr().err == error


def test_several_measures_have_columns_and_a_front(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [passed(trial(n, 1, LR=str(n)), 50.0 + n, luck=n, cost=n) for n in (1, 2)]
    folder = stored(tmp_path / "sweep_1", results)
    assert leaderboard(["--dir", str(folder), "--by", "luck:max,cost:min"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[3].split()[:4] == ["#", "config", "luck", "cost"]
    assert "\nFRONT:\n" in out and "On the front: 2 of 2 configurations" in out


def test_what_is_compared_on_request_is_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0, 2.0], "b": [2.0, 4.0]}))
    request = ["--baseline", "ADAMWPRUNE_BETA1=a", "--best-per", "ADAMWPRUNE_BETA1"]
    assert leaderboard(["--dir", str(folder), *request]) == 0
    out = capsys.readouterr().out
    assert "\nAGAINST BASELINE ADAMWPRUNE_BETA1=a:\n" in out
    assert out.index("BEST PER ADAMWPRUNE_BETA1:") < out.index("AGAINST BASELINE")
    assert {path.name for path in folder.iterdir() if path.suffix == ".json"} == {
        "sweep_baseline.json",
        "sweep_best_per.json",
    }


def test_a_wrong_baseline_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0]}))
    assert main(["sweep-leaderboard", "--dir", str(folder), "--baseline", "LUCK=1"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: BASELINE=LUCK=1: no trial has CONFIG_LUCK; ")
    assert captured.err.count("\n") == 1 and captured.out == ""


def test_top_cuts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0], "b": [2.0], "c": [3.0]}))
    leaderboard(["--dir", str(folder), "--top", "2"])
    out = capsys.readouterr().out
    assert "config_003" in out and "config_002" in out and "config_001" not in out


def test_by_test_accuracy_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0]}))
    leaderboard(["--dir", str(folder), "--by", "test_acc"])
    assert "optimistic" in capsys.readouterr().out


def test_it_marks_what_the_report_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        passed(trial(1, 1, TARGET_SPARSITY="0.98"), 99.0, final_sparsity=0.118),
        passed(trial(2, 1, TARGET_SPARSITY="0.5", DATASET="mnist"), 60.0, final_sparsity=0.5),
    ]
    folder = stored(tmp_path / "sweep_1", results, refused=3)
    leaderboard(["--dir", str(folder)])
    out = capsys.readouterr().out
    assert "\n1  config_002 " in out
    assert "target sparsity 98.0% not reached: 11.8%" in out
    assert "NOTE: validation results are of different samples" in out
    assert "Not planned: 3 combinations that Kconfig refused" in out
    assert "BEST PER TARGET SPARSITY:" in out and "\n50.0%: config_002 | " in out


def test_it_names_what_passed_without_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [passed(trial(1, 1, LR="1"), 90.0), passed(trial(2, 1, LR="2"), float("nan"))]
    assert leaderboard(["--dir", str(stored(tmp_path / "sweep_1", results))]) == 0
    line = "Passed without a finite validation accuracy, not ranked: config_002 (seed 1)"
    assert line in capsys.readouterr().out.splitlines()


def test_nothing_passed_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "sweep_1", [ended(trial(1, 1), Status.NOTRUN)])
    assert leaderboard(["--dir", str(folder)]) == 0
    assert "no trial has passed" in capsys.readouterr().out


def test_rich_table_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored(tmp_path / "sweep_1", [passed(trial(1, 1, LR="[bold]"), 90.0)])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert leaderboard(["--dir", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "config_001" in out and "LR=[bold]" in out


def test_newest_is_the_last_with_a_store(tmp_path: Path) -> None:
    stored(tmp_path / "sweep_20260101_000000", sweep({"a": [1.0]}))
    last = stored(tmp_path / "sweep_20260201_000000", sweep({"a": [1.0]}))
    (tmp_path / "sweep_20260301_000000").mkdir()
    assert newest_sweep(tmp_path) == last


def test_no_sweep_yet(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sweep has been run yet; start one with `make sweep`"):
        newest_sweep(tmp_path)


@pytest.mark.parametrize("text", ["0", "-1", "ten", ""])
def test_bad_top(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep-leaderboard", "--top", text]) == 2
    assert capsys.readouterr().err == f"error: --top {text}: must be an integer of at least 1\n"


def test_a_wrong_option_is_named_as_it_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep-leaderboard", "--by", "luck:up"]) == 2
    error = "error: --by luck:up: :up must be :max (more is better) or :min (less is)\n"
    assert capsys.readouterr().err == error


def test_it_never_imports_torch_or_pandas(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0, 2.0]}))
    code = (
        "import sys; from espalier.__main__ import main; "
        f"code = main(['sweep-leaderboard', '--dir', {str(folder)!r}]); "
        "heavy = {'torch', 'pandas', 'matplotlib', 'kconfiglib'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "config_001" in done.stdout


def test_plot_of_the_swept_symbols(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0, 92.0], "0.87": [95.0, 96.0]}))
    picture = tmp_path / "sweep.png"
    assert leaderboard(["--dir", str(folder), "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["sweep.png"]


def test_picture_of_the_curves(tmp_path: Path) -> None:
    results = [ran(trial(n, 1, LR=f"7{n}"), [2.0, 1.0 / n]) for n in (1, 2, 3)]
    folder = stored(tmp_path / "sweep_1", results)
    picture = tmp_path / "curves.svg"
    args = ["--dir", str(folder), "--by", "val_loss", "--top", "2", "--curves", str(picture)]
    assert leaderboard(args) == 0
    text = picture.read_text(encoding="utf-8")
    assert "<!-- Lr -->" in text and "<!-- 73 -->" in text and "<!-- 72 -->" in text
    assert "<!-- 71 -->" not in text and "<!-- Validation loss (nats) -->" in text
    assert "1 more line not drawn." in text


def test_picture_of_sizes(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", nets((100, [70.0]), (200, [80.0])))
    picture = tmp_path / "parameters.svg"
    assert leaderboard(["--dir", str(folder), "--parameters", str(picture)]) == 0
    assert "<!-- Live parameters -->" in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("curves", "no ranked trial has a history of val_acc"),
        ("parameters", "no ranked trial has the measure live_parameters"),
    ],
)
def test_pictures_that_cannot_be(tmp_path: Path, option: str, message: str) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0]}))
    with pytest.raises(UserError, match=f"--{option} .*x.png: {message}"):
        leaderboard(["--dir", str(folder), f"--{option}", str(tmp_path / "x.png")])
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("scores", "name", "message"),
    [
        ({"a": [1.0], "b": [2.0]}, "x.nopicture", "nopicture"),
        ({"a": [1.0], "b": [2.0]}, "no/folder.png", "No such file"),
        ({"a": [1.0]}, "x.png", "no swept symbol varies"),
    ],
)
def test_plot_that_cannot_be(
    tmp_path: Path, scores: dict[str, list[float]], name: str, message: str
) -> None:
    folder = stored(tmp_path / "sweep_1", sweep(scores))
    with pytest.raises(UserError, match=message):
        leaderboard(["--dir", str(folder), "--plot", str(tmp_path / name)])
    assert not (tmp_path / name).exists()
