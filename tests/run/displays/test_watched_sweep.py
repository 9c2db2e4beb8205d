"""A sweep seen from another process: what is shown of it, how it ends, and what is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_sweep import created, request, trial

from espalier.core.errors import UserError
from espalier.core.records import RaceRecord
from espalier.core.trial import Result, Status
from espalier.report.reports import write_reports
from espalier.run.displays import watched_sweep
from espalier.run.displays.progress import Ending, finished_line
from espalier.run.displays.watched_sweep import SweepWatch, sweep_to_watch, watch
from espalier.run.executor_choice import RAY, Placement
from espalier.store.attempt import Attempt
from espalier.store.locks import locked
from espalier.store.results_dir import STORE
from espalier.store.store import Store
from espalier.store.sweep_state import SweepStatus

TRIALS = [trial(n) for n in range(1, 5)]
CRASHED = Result(Status.ERROR, "crash", "broken\nby [4/4] config_004 passed")
DIVERGED = Result(Status.FAILED, "diverged", "loss is not finite")


def passed(score: float = 90.0) -> Result:
    return Result(Status.PASSED, measures={"val_acc": score, "final_sparsity": 0.7})


class Lines:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.earlier: list[str] = []
        self.lines: list[str] = []
        self.states: list[SweepStatus] = []
        self.closed = False

    def open(self, earlier: Sequence[Ending]) -> Lines:
        self.earlier = [ending.name for ending in earlier]
        return self

    def finish(self, ending: Ending, sweep: SweepStatus) -> None:
        self.lines.append(finished_line(ending, sweep).split("  ETA")[0])

    def note(self, line: str) -> None:
        self.lines.append(line)

    def update(self, sweep: SweepStatus) -> None:
        self.states.append(sweep)

    def close(self) -> None:
        self.closed = True


class Runner:
    """The runner of a sweep: at each pause of a watch it does the next of its steps, then ends."""

    def __init__(self, store: Store, *steps: Callable[[Store], None]) -> None:
        self.store, self.steps = store, list(steps)

    def pause(self, seconds: float) -> None:
        assert seconds >= watched_sweep.INTERVAL
        if self.steps:
            self.steps.pop(0)(self.store)

    def owner(self, folder: Path) -> str:
        return "process 7 on host" if self.steps else ""


def begin(*numbers: int) -> Callable[[Store], None]:
    def step(store: Store) -> None:
        with store.writing():
            store.begin(numbers, 1, "cpu")

    return step


def end(number: int, result: Result, attempt: int = 1) -> Callable[[Store], None]:
    def step(store: Store) -> None:
        with store.writing():
            store.finish(number, attempt, result)

    return step


def both(*steps: Callable[[Store], None]) -> Callable[[Store], None]:
    def step(store: Store) -> None:
        for each in steps:
            each(store)

    return step


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return created(request(tmp_path, TRIALS))


def watched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[Store], None]
) -> tuple[Lines, int]:
    """What a view of these steps shows, and its exit code."""
    lines = Lines()
    with Store.open(folder / STORE) as store:
        runner = Runner(store, *steps)
        monkeypatch.setattr(watched_sweep, "runner_of", runner.owner)
        monkeypatch.setattr("time.sleep", runner.pause)
        with Store.open(folder / STORE, readonly=True) as read:
            view = SweepWatch(folder, read)
            view.show(lines.open)
            return lines, view.end()


def test_what_ends_is_shown_in_order_as_its_runner_shows_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, code = watched(
        folder,
        monkeypatch,
        begin(1, 2),
        both(end(1, passed()), end(2, CRASHED)),
        both(begin(2, 3), end(3, DIVERGED)),
        both(end(2, passed(91.0), attempt=2), begin(4), end(4, passed(92.0))),
    )
    shown = [line.rpartition(" ")[0] for line in lines.lines[2:]]
    assert lines.lines[0] == f"{folder}: run by process 7 on host"
    assert lines.lines[1].startswith("0/4 done, workers are starting")
    assert shown == [
        "[1/4] config_001 passed val 90.0% sparsity 70.0%",
        "[1/4] config_002 error crash: broken\\nby [4/4] config_004 passed (to be tried again)",
        "[2/4] config_003 failed diverged: loss is not finite",
        "[3/4] config_002 passed val 91.0% sparsity 70.0%",
        "[4/4] config_004 passed val 92.0% sparsity 70.0%",
    ]
    assert lines.closed and code == 1
    output = capsys.readouterr().out
    assert "Best of 3 configurations by validation accuracy: config_004, 92.00%" in output
    assert "config_003 (seed 1): failed (diverged), 1 attempt: loss is not finite" in output
    assert "\n4 trials: 3 passed, 1 failed\n" in output


def test_the_executor_is_said_and_each_node_that_joins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placement = Placement(RAY, "auto", 1.0)
    folder = created(request(tmp_path, TRIALS, placement=placement))

    def begun(number: int, device: str) -> Callable[[Store], None]:
        def step(store: Store) -> None:
            with store.writing():
                store.begin([number], 0, device)

        return step

    steps = [begun(1, "cpu@10.0.0.2"), begun(2, "cpu@10.0.0.2"), begun(3, "cpu@10.0.0.1")]
    lines, _ = watched(folder, monkeypatch, *steps)
    said = [line for line in lines.lines if "EXECUTOR" in line]
    ray = "EXECUTOR=ray RAY_ADDRESS=auto"
    nodes = ["", ", on 1 node: 10.0.0.2", ", on 2 nodes: 10.0.0.1, 10.0.0.2"]
    assert said == [f"{ray}{each}" for each in nodes]


def test_what_failed_before_the_view_began_is_known_to_the_display(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(folder / STORE) as store:
        both(begin(1, 2), end(1, DIVERGED), end(2, passed()))(store)
    lines, _ = watched(folder, monkeypatch, begin(3))
    assert lines.earlier == ["config_001"]
    assert lines.lines[1].startswith("2/4 done (1 passed, 1 failed)") and len(lines.lines) == 2


def test_what_is_taken_over_from_earlier_sweeps_is_counted_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_over(store: Store) -> None:
        attempt = Attempt(1, 1, 1, Status.PASSED, "", "", 1.0, 2.0, 1, "cpu")
        with store.writing():
            store.take_over(1, attempt, passed())

    lines, _ = watched(folder, monkeypatch, take_over, begin(2))
    assert len(lines.lines) == 2
    assert [state.done for state in lines.states] == [0, 1, 1]


def test_all_passed_is_exit_code_0(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = (end(n, passed()) for n in range(1, 5))
    assert watched(folder, monkeypatch, begin(1, 2, 3, 4), both(*ends))[1] == 0


def test_a_runner_that_has_died_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, code = watched(folder, monkeypatch, begin(1, 2), end(1, passed()))
    assert code == 130
    line = "its runner has died while 1 trial ran: 1 passed, 3 to go; `"
    assert f"\n{line}" in capsys.readouterr().out


def test_a_sweep_without_a_runner_ends_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, code = watched(folder, monkeypatch)
    assert lines.lines == [f"{folder}: no runner has it"] and code == 130
    assert capsys.readouterr().out.startswith("stopped: none has ended, 4 to go; `")


def test_a_sweep_that_has_ended_is_not_called_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(folder / STORE) as store:
        both(begin(1, 2, 3, 4), *(end(n, passed()) for n in range(1, 5)))(store)
    lines, code = watched(folder, monkeypatch)
    assert lines.lines == [f"{folder}: has ended"] and code == 0


def test_rounds_of_a_race_are_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [
        trial(n, SEED=str(seed), LR=rate)
        for n, (rate, seed) in enumerate([("0.1", 1), ("0.2", 1)], 1)
    ]
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=2, by="val_acc", seeds=["1", "2"])
    folder = created(request(tmp_path, trials))
    with Store.open(folder / STORE) as store, store.writing():
        store.set_header(replace(store.header, race=rules))
    grown = [trial(n, SEED="2", LR=rate) for n, rate in ((3, "0.1"), (4, "0.2"))]

    def grow(store: Store) -> None:
        with store.writing():
            store.add_trials([(item, "", f"{item.name}_mlp") for item in grown])

    lines, code = watched(
        folder,
        monkeypatch,
        begin(1, 2),
        end(1, passed(90.0)),
        both(end(2, passed(80.0)), grow, begin(3)),
        both(end(3, passed(91.0)), begin(4), end(4, passed(81.0))),
        both(),  # the runner writes its reports
    )
    rounds = [line for line in lines.lines if line.startswith("race: ")]
    assert [line.partition(",")[0] for line in rounds] == [
        "race: 2 of 2 configurations left after 0 seeds",
        "race: 2 of 2 configurations left after 0 seeds",  # the first decision takes two
        "race: 2 of 2 configurations left after 2 seeds",
    ]
    assert code == 0  # the cap is the end of a race


def test_a_view_leaves_store_and_files_as_they_are(folder: Path) -> None:
    with Store.open(folder / STORE) as store:
        both(begin(1), end(1, passed()))(store)
    before = (folder / STORE).read_bytes()
    files = {path.name for path in folder.iterdir()}
    assert watch(folder) == 130
    assert (folder / STORE).read_bytes() == before
    made = {path.name for path in folder.iterdir()} - files
    assert made <= {f"{STORE}-shm", f"{STORE}-wal"}  # SQLite's own, as of any reader


def test_the_files_that_there_are_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(folder)
    assert "report: " not in capsys.readouterr().out
    write_reports(folder)
    watch(folder)
    assert f"\nreport: {folder / 'sweep_analysis.txt'}" in capsys.readouterr().out


def test_a_folder_without_a_sweep_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder; `make sweep-list` lists the sweeps"):
        watch(tmp_path / "typo")
    with pytest.raises(UserError, match="is no sweep's folder: it has no sweep.db"):
        watch(tmp_path)


def test_the_store_of_a_sweep_that_begins_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = created(request(tmp_path, TRIALS))
    (folder / STORE).rename(tmp_path / "later")
    pauses: list[float] = []

    def write(seconds: float) -> None:
        pauses.append(seconds)
        (tmp_path / "later").rename(folder / STORE)

    with locked(folder):
        monkeypatch.setattr("time.sleep", write)
        watched_sweep.await_store(folder)
    assert pauses == [watched_sweep.INTERVAL]


def test_the_newest_sweep_is_watched_or_the_next_one_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = created(request(tmp_path, TRIALS))
    second = created(request(tmp_path, TRIALS))
    assert sweep_to_watch(tmp_path, upcoming=False) == second
    with locked(first):
        assert sweep_to_watch(tmp_path, upcoming=True) == first
    made: list[Path] = []
    monkeypatch.setattr("time.sleep", lambda _: made.append(created(request(tmp_path, TRIALS))))
    assert sweep_to_watch(tmp_path, upcoming=True) == made[0]
    said = capsys.readouterr().out
    assert said == f"{tmp_path}: no sweep runs; waiting for one to begin (Ctrl-C ends)\n"


def test_the_first_sweep_of_all_is_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results"
    made: list[Path] = []

    def begin_one(_: float) -> None:
        results.mkdir(exist_ok=True)
        made.append(created(request(results, TRIALS)))

    monkeypatch.setattr("time.sleep", begin_one)
    assert sweep_to_watch(results, upcoming=False) == made[0]
