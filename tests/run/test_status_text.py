"""How far a sweep is in lines, and what failed in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import ended, sweep, trial

from espalier.core.records import PlanHeader
from espalier.core.trial import Status
from espalier.run import status_text
from espalier.run.status_text import continuing, status_lines
from espalier.store.results_dir import STORE
from espalier.store.store import Store

HOSTILE = "</script>\x1b[2J $x^$ _{a}\n日本 👩" + "x" * 10_000
SAID = ["loss is not finite"] * 4 + ["out of memory", HOSTILE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lost = [trial(n, n, ADAMWPRUNE_BETA1="0.9") for n in range(3, 9)]
    bad = [
        ended(item, Status.FAILED, "diverged", text) for item, text in zip(lost, SAID, strict=True)
    ]
    return stored(tmp_path / "s", [*sweep({"0.85": [90.0, 91.0]}), *bad])


def test_each_reason_has_a_line_with_its_first_log(folder: Path) -> None:
    place, counts, *failures = status_lines(folder)
    assert (place, counts) == (str(folder), "finished: 2 passed, 6 failed")
    four, memory, hostile = failures
    assert four == (
        "4 x failed (diverged): loss is not finite: config_003 (seed 3), config_004 (seed 4), "
        f"config_005 (seed 5) and 1 more; log: {folder}/config_003_mlp/output.log"
    )
    assert memory == (
        "config_007 (seed 7): failed (diverged), 1 attempt: out of memory; "
        f"log: {folder}/config_007_mlp/output.log"
    )
    assert hostile.startswith("config_008 (seed 8): failed (diverged), 1 attempt: 日本 👩xxx")
    assert hostile.endswith(f"...; log: {folder}/config_008_mlp/output.log")
    assert len(hostile) < 400


def test_reasons_beyond_the_first_are_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_text, "REASONS", 1)
    *_, first, rest = status_lines(folder)
    assert first.startswith("4 x ") and rest == "and 2 more that did not pass, for other reasons"


def test_what_runs_again_has_not_failed(folder: Path) -> None:
    with Store.open(folder / STORE) as store, store.writing():
        store.run_again(set(range(3, 7)))
    assert not [line for line in status_lines(folder) if "not finite" in line]


def test_a_running_sweep_names_its_executor_and_the_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = ["EXECUTOR=ray", "RAY_ADDRESS=10.0.0.9:6379"]
    folder = stored(tmp_path / "s", sweep({"0.85": [90.0, 91.0]}), executor=executor)
    with Store.open(folder / STORE) as store, store.writing():
        store.run_again({1, 2})
        store.begin([1], 0, "cpu@10.0.0.2")
        store.begin([2], 0, "cpu@\x1b[2J10.0.0.1")
    ray = "EXECUTOR=ray RAY_ADDRESS=10.0.0.9:6379"
    go_on = f"no runner has it; `make sweep-run DIR={folder} {ray}` goes on where it stopped"
    assert go_on in list(status_lines(folder))
    monkeypatch.setattr(status_text, "runner_of", lambda folder: "process 7 on host")
    lines, escaped = list(status_lines(folder)), r"\x1b[2J10.0.0.1"
    assert lines[-2:] == ["run by process 7 on host", f"{ray}, on 2 nodes: {escaped}, 10.0.0.2"]


def test_what_a_store_says_of_its_executor_stays_one_word_of_a_command(tmp_path: Path) -> None:
    header = PlanHeader(executor=["RAY_ADDRESS=x; rm -rf \x1b[2J$HOME"])
    command = continuing(tmp_path, header)
    assert command.endswith("'RAY_ADDRESS=x; rm -rf \\x1b[2J$HOME'")
