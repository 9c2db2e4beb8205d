"""`report`: which page it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from stored_sweeps import stored
from trial_results import sweep

from espalier.commands.options.make_variables import GIVEN
from espalier.commands.sweeps import report
from espalier.core.errors import UserError
from espalier.store.locks import locked


def made(path: Path, score: float = 90.0) -> Path:
    return stored(path, sweep({"0.85": [score, score + 1], "0.87": [score + 2, score]}))


def printed(*arguments: str, **environment: str) -> str:
    given = {GIVEN: " ".join(environment), **environment}
    result = CliRunner().invoke(report.command, arguments, env=given, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


def test_all_reports_are_written_again(tmp_path: Path) -> None:
    folder = made(tmp_path / "a")
    assert printed("--dir", str(folder)) == f"report: {folder / 'report.html'}\n"
    assert (folder / "sweep_summary.json").exists() and (folder / "report.html").exists()
    (folder / "report.html").unlink()
    printed(DIR=str(folder), RANK_BY="test_acc")
    assert "test accuracy" in (folder / "report.html").read_text(encoding="utf-8")


def test_of_a_sweep_that_runs_the_page_alone(tmp_path: Path) -> None:
    folder = made(tmp_path / "a")
    with locked(folder):
        printed("--dir", str(folder))
    assert not (folder / "sweep_summary.json").exists()
    assert "while it runs" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_newest_sweep_without_a_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = made(tmp_path / "test_matrix_results" / "sweep_20261201_000000")
    printed()
    assert (folder / "report.html").exists()


def test_several_folders_are_compared_beside_the_first(tmp_path: Path) -> None:
    folders = [made(tmp_path / name, 90.0 + n) for n, name in enumerate("ab")]
    path = folders[0] / "report_against_b.html"
    assert printed(DIR=",".join(map(str, folders))) == f"report: {path}\n"
    assert "a compared with another sweep" in path.read_text(encoding="utf-8")
    assert not (folders[0] / "report.html").exists()


def test_a_folder_may_have_a_comma_in_its_name(tmp_path: Path) -> None:
    folder = made(tmp_path / "a,b")
    printed("--dir", str(folder))
    assert (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("text", "rule"),
    [("{a},", "names an empty folder"), ("{a},{a}", "are the same folder"), ("{a},x", "no such")],
)
def test_what_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    folder = made(tmp_path / "a")
    with pytest.raises(UserError, match=rule):
        printed("--dir", text.format(a=folder))


def test_a_baseline_is_of_one_sweep(tmp_path: Path) -> None:
    folder = made(tmp_path / "a")
    printed("--dir", str(folder), BASELINE="ADAMWPRUNE_BETA1=0.85")
    assert "Against baseline" in (folder / "report.html").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="are of one sweep"):
        printed(DIR=f"{folder},{made(tmp_path / 'b')}", BASELINE="ADAMWPRUNE_BETA1=0.85")


def test_an_error_rate_is_of_a_comparison(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ALPHA: is of a comparison; give several folders"):
        printed("--dir", str(made(tmp_path / "a")), ALPHA="0.01")
