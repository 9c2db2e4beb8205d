"""The tools themselves; skipped where .venv/trackers is not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tracked_runs import START, bare_run, hostile_run, plain_run

from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY, ROOT
from espalier.report.exports import export_process, export_worker
from espalier.report.exports.export_formats import TRACKERS
from espalier.report.exports.export_loop import Outcome, ReadBackError
from espalier.report.exports.export_process import PYTHON, MissingTrackersError, export_with
from espalier.report.exports.no_network import offline_environment
from espalier.report.exports.tracked_run import RunPoint

SUPPORT = ROOT / "tests" / "support"
with_trackers = pytest.mark.skipif(
    not PYTHON.is_file(), reason="no trackers: make setup-trackers installs them"
)


def isolated() -> list[str]:
    """The start of a command that has no network at all, where this machine can do that."""
    command = ["unshare", "--net", "--map-root-user"]
    try:
        possible = subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return []
    return command if possible else []


def let_run(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program of the shell be what exports; it answers first that a run is new."""
    python = folder / "python"
    python.write_text(f"#!/bin/sh\necho new\n{program}\n", encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(export_process, "PYTHON", python)


@with_trackers
@pytest.mark.parametrize("name", TRACKERS)
def test_a_tool_gives_back_what_it_was_given(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "a #?%'é"  # where MLflow's address of a file would end
    folder.mkdir()
    environment = offline_environment(dict(os.environ))
    environment |= {"PYTHONPATH": f"{LIBRARY.parent}:{SUPPORT}", "TRACKIO_DIR": str(folder)}
    command = [str(PYTHON), "-P", str(SUPPORT / "tracker_steps.py"), name, str(folder)]
    done = subprocess.run(
        [*isolated(), *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    half = "replaced" if name == "mlflow" else "new"
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "first": ["new", "new"],
        "again": ["unchanged", "unchanged"],
        "more": ["unchanged", "unchanged", "new", half],
        "changed": ["replaced", "unchanged", "unchanged", "unchanged"],
        "count": 4,
        "sent": 3 if name == "wandb-offline" else 0,
        "reached": [],
    }
    assert list(tmp_path.iterdir()) == [folder]


@with_trackers
def test_a_process_exports_runs_and_says_what_became_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "out"
    runs = [plain_run(1), hostile_run(2)]
    assert export_with("tensorboard", runs, folder, "sweep_1") == Counter({Outcome.NEW: 2})
    runs.append(bare_run(3))
    counts: list[int] = []
    outcomes = export_with("tensorboard", runs, folder, "sweep_1", counts.append)
    assert outcomes == Counter({Outcome.UNCHANGED: 2, Outcome.NEW: 1})
    assert counts == [1, 2, 3]
    assert export_with("tensorboard", [], folder, "sweep_1") == Counter()
    assert sorted(path.name for path in folder.iterdir()) == ["sweep_1"]


@with_trackers
def test_what_comes_back_otherwise_is_an_error(tmp_path: Path) -> None:
    points = (RunPoint(1, START, {"\x1b": 1.0}), RunPoint(2, START, {"\x1b": 2.0}))  # of one time
    with pytest.raises(ReadBackError) as caught:
        export_with("tensorboard", [plain_run(1, history=points)], tmp_path, "sweep_1")
    text = str(caught.value)
    assert text.startswith("config_001: history: 2 was written, 1 was read; history 0 step: 1 was")
    assert "history 0 value \\x1b: 1.0 was written, 2.0 was read" in text


@with_trackers
def test_a_process_that_stops_is_one_line_and_a_log(tmp_path: Path) -> None:
    (tmp_path / "sweep_1").touch()
    with pytest.raises(UserError) as caught:
        export_with("tensorboard", [plain_run(1)], tmp_path, "sweep_1")
    text, log = str(caught.value), tmp_path / export_process.LOG
    assert text.startswith("tensorboard stopped: NotADirectoryError:")
    assert text.endswith(f"all that it said: {log}") and "\n" not in text
    assert "Traceback" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        ("kill -9 $$", "killed by SIGKILL"),
        ("exit 0", "it said nothing"),
        ("printf ' in f\\na.b.SomeError: no\\n(see a page)\\n' >&2; exit 1", "a.b.SomeError: no"),
        ("printf 'note\\nno\\033 space\\n\\n' >&2; exit 1", "no\\x1b space"),
    ],
)
def test_a_process_that_answers_too_little_is_one_line(
    program: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_run(program, tmp_path, monkeypatch)
    with pytest.raises(UserError) as caught:
        export_with("mlflow", [plain_run(1), plain_run(2)], tmp_path, "sweep_1")
    assert str(caught.value).startswith(f"mlflow stopped: {cause}; the next export goes on")


def test_a_process_that_has_answered_all_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_run("exec >&-\nsleep 0.2\ntouch ended", tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert export_with("mlflow", [plain_run(1)], tmp_path, "sweep_1").total() == 1
    assert (tmp_path / "ended").exists()


def test_an_interrupt_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_run("exec sleep 60", tmp_path, monkeypatch)
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(KeyboardInterrupt):
        export_with("mlflow", [plain_run(1)], tmp_path, "sweep_1", interrupt)
    assert [each.returncode for each in started] == [-signal.SIGKILL]


def test_without_trackers_the_error_names_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_process, "PYTHON", tmp_path / "python")
    with pytest.raises(MissingTrackersError, match="make setup-trackers installs the trackers"):
        export_with("mlflow", [plain_run(1)], tmp_path, "sweep_1")


@with_trackers
@pytest.mark.parametrize(("name", "database"), [("mlflow", "mlflow.db"), ("trackio", "sweep_1.db")])
def test_a_damaged_database_is_named(name: str, database: str, tmp_path: Path) -> None:
    path = tmp_path / database
    path.write_text("no database\n" * 1000, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        export_with(name, [plain_run(1)], tmp_path, "sweep_1")
    text = f"{path.resolve()}: file is not a database; remove it, and export again"
    assert str(caught.value) == text


@with_trackers
def test_a_killed_export_is_completed_by_the_next(tmp_path: Path) -> None:
    runs = [plain_run(number) for number in range(1, 9)]
    lines = tmp_path / "lines"
    lines.write_text("".join(json.dumps(run.as_json()) + "\n" for run in runs), encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    command = [str(PYTHON), "-P", "-m", export_worker.__name__, "tensorboard", str(out), "sweep_1"]
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent)}
    with lines.open("rb") as given:
        process = subprocess.Popen(command, stdin=given, env=environment, stdout=subprocess.PIPE)
        with process:
            assert process.stdout and process.stdout.readline() == b"new\n"
            process.kill()
    outcomes = export_with("tensorboard", runs, out, "sweep_1")
    assert outcomes.total() == 8 and outcomes[Outcome.REPLACED] == 0
    assert outcomes[Outcome.UNCHANGED] >= 1
    assert len(list(out.glob("sweep_1/*/*tfevents*"))) == 8
