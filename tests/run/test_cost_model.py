from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import toy

from espalier.core.trial import Record, Result, Status, Task, Trial
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.run import cost_model
from espalier.run.cost_model import Cost
from espalier.run.timing_probe import TimingProbe
from espalier.run.worker_process import Event, Finished, Progress
from espalier.store import results_dir
from espalier.store.store import Store


@pytest.fixture(scope="module")
def real() -> Symbols:
    return Symbols(tree.parse())


def trial(number: int, **config: str) -> Trial:
    fixed = {"MODEL": "a", "DATASET": "d", "OPTIMIZER": "o", "BATCH_SIZE": "8"}
    fixed |= {"NUM_EPOCHS": "10", "SEED": "1", "LEARNING_RATE": "0.1"}
    return Trial(number, f"config_{number:03}", f"{number:012x}", {**fixed, **config})


def cost(symbols: Symbols, one: Trial, epoch: float, source: str = "s") -> Cost:
    return Cost(cost_model.shape(symbols, one.config), 1.0, epoch, 100, 10, source)


def test_distance(real: Symbols) -> None:
    def between(**config: str) -> int:
        shapes = [cost_model.shape(real, one.config) for one in (trial(1), trial(2, **config))]
        return cost_model.distance(real, *shapes)

    assert between(LEARNING_RATE="0.5", SEED="7", NUM_EPOCHS="90") == 0
    assert between(CPU_THREADS="2") == 1
    assert between(OPTIMIZER="p") == 10
    assert between(BATCH_SIZE="16") == 100
    assert between(MODEL="b", DATASET="e") == 2000


def test_what_to_probe(real: Symbols) -> None:
    trials = [trial(1), trial(2, LEARNING_RATE="0.2"), trial(3, OPTIMIZER="p"), trial(4, MODEL="b")]
    names = [one.name for one in cost_model.unlike(real, trials, [], 6)]
    assert names == ["config_001", "config_004", "config_003"]
    assert cost_model.unlike(real, trials, [cost(real, trials[0], 1.0)], 1) == [trials[3]]
    known = [cost(real, one, 1.0) for one in trials]
    assert cost_model.unlike(real, trials, known, 6) == []


def test_the_total(real: Symbols) -> None:
    trials = [trial(1), trial(2, SEED="2"), trial(3, NUM_EPOCHS="20"), trial(4, MODEL="b")]
    known = [cost(real, trials[0], 2.0, "x"), cost(real, trial(9, MODEL="c"), 9.0, "y")]
    found = cost_model.total(real, trials, known, 2)
    # 1 + 10 x 2, the same, 1 + 20 x 2; model b is as far from c as from a: the first counts
    assert found.compute == 21 + 21 + 41 + 21
    assert (found.wall, found.shortest, found.longest) == (52, 21, 41)
    assert found.size == 4 * 100 + 50 * 10
    assert (found.sources, found.unlike) == ({"x": 4}, 1)
    assert cost_model.total(real, trials[2:3], known, 8).wall == 41


def change(folder: Path, what: str, *values: float) -> None:
    """Change every attempt of a sweep."""
    with contextlib.closing(sqlite3.connect(folder / "sweep.db")) as database, database:
        database.execute(f"UPDATE attempts SET {what}", values)


def store(folder: Path, trials: list[Trial], seconds: float, device: str = "cpu") -> None:
    """A finished sweep whose trials took 3 s beside two epochs of `seconds` each."""
    results_dir.create(folder, {}, [(one, "") for one in trials])
    history: list[Record] = [{"epoch": n, "seconds": seconds} for n in (1, 2)]
    with Store.open(folder / "sweep.db") as opened, opened.writing():
        for one in trials:
            attempt = opened.begin([one.number], one.number, device)[one.number]
            status = Status.FAILED if "BAD" in one.config else Status.PASSED
            opened.finish(one.number, attempt, Result(status, history=history))
    change(folder, "started = 0, finished = ?", 3 + 2 * seconds)


def test_costs_of_earlier_sweeps(tmp_path: Path, real: Symbols) -> None:
    bad = trial(3, MODEL="b", BAD="y", PRUNING_METHOD="none", OPTIMIZER="o")
    one, two = (trial(n, PRUNING_METHOD="none") for n in (1, 2))
    store(tmp_path / "sweep_20260101_000000", [one, two, bad], 5.0)
    store(tmp_path / "sweep_20260102_000000", [one], 2.0)
    store(tmp_path / "sweep_20260103_000000", [one], 1.0, "GPU-1")
    (found,) = cost_model.from_results(real, tmp_path, "cpu")
    assert (found.startup, found.epoch, found.source) == (3.0, 2.0, "sweep_20260102_000000")
    assert found.bytes(one) > 1000  # its share of the store
    assert [c.epoch for c in cost_model.from_results(real, tmp_path, "GPU-0")] == [1.0]
    assert cost_model.from_results(real, tmp_path / "none", "cpu") == []


def test_what_a_trial_of_a_pack_took_is_its_share(tmp_path: Path, real: Symbols) -> None:
    trials = [trial(n, PRUNING_METHOD="none") for n in (1, 2)]
    store(tmp_path / "sweep_a", trials, 1.0)
    change(tmp_path / "sweep_a", "worker = 7, finished = 9")
    (found,) = cost_model.from_results(real, tmp_path, "cpu")
    assert (found.startup, found.epoch) == (2.5, 1.0)  # 9 s for two trials of two epochs


def test_the_start_of_the_workers_is_the_least_that_was_seen(tmp_path: Path) -> None:
    assert cost_model.warming(tmp_path) == 0
    for name, gap in (("sweep_a", 7.5), ("sweep_b", 90_000.0)):
        folder = tmp_path / name
        results_dir.create(folder, {}, [(trial(1), "")])
        with Store.open(folder / "sweep.db") as opened, opened.writing():
            opened.begin([1], 1, "cpu")
            created = opened.created
        change(folder, "started = ?", created + gap)
    assert cost_model.warming(tmp_path) == pytest.approx(7.5, abs=1e-3)


def test_an_earlier_sweep_that_is_no_use_is_left_out(
    tmp_path: Path, real: Symbols, capsys: pytest.CaptureFixture[str]
) -> None:
    one = trial(1, PRUNING_METHOD="none")
    store(tmp_path / "sweep_20260101_000000", [one], 5.0)
    damaged = tmp_path / "sweep_20260102_000000"
    store(damaged, [one], 2.0)
    change(damaged, "result = 'noise'")
    (found,) = cost_model.from_results(real, tmp_path, "cpu")
    assert found.epoch == 5.0
    assert capsys.readouterr().err.startswith(f"note: left out: {damaged}/sweep.db: damaged")


class Script:
    """An executor on a clock of its own: each trial has `epochs` epochs of `seconds`.

    The first trial of a fresh worker takes 50 s more to start; ending takes 2 s.
    """

    def __init__(self, slots: int, epochs: int, seconds: float, result: Result) -> None:
        self.now = 0.0
        self.devices = ["cpu"] * slots
        self._script = (epochs, seconds, result)
        self._runs: dict[int, Iterator[tuple[float, Event]]] = {}
        self._cold = set(range(slots))
        self.killed = 0
        self.submitted: list[str] = []

    def clock(self) -> float:
        return self.now

    def idle(self) -> list[int]:
        return [slot for slot in range(len(self.devices)) if slot not in self._runs]

    def process(self, slot: int) -> int:
        return slot

    def submit(self, slot: int, task: Task) -> None:
        self.submitted.append(task.trial.name)
        self._runs[slot] = self._run(slot, 50.0 if slot in self._cold else 0.0)
        self._cold.discard(slot)

    def _run(self, slot: int, late: float) -> Iterator[tuple[float, Event]]:
        epochs, seconds, result = self._script
        for epoch in range(1, epochs + 1):
            yield seconds + (late if epoch == 1 else 0), Progress(slot, 1, {"epoch": epoch})
        yield 2.0, Finished(slot, 1, result)

    def wait(self, seconds: float) -> list[Event]:
        slot = next(iter(self._runs))
        took, event = next(self._runs[slot])
        self.now += took
        if isinstance(event, Finished):
            del self._runs[slot]
        return [event]

    def kill(self, slot: int) -> None:
        self.killed += 1
        self._cold.add(slot)
        self._runs.pop(slot)

    def close(self) -> None:
        self._runs.clear()


PASSED = Result(Status.PASSED)


def test_a_trial_that_ends_is_measured_in_a_warm_worker(tmp_path: Path) -> None:
    script = Script(1, 3, 0.5, PASSED)
    found = TimingProbe(script, {}, tmp_path, script.clock).run([trial(1)], [{"A": "1"}])
    (one,) = found.costs
    assert script.submitted == ["config_001", "config_001"]
    assert (one.epoch, one.startup, dict(one.shape)) == (0.5, 2.0, {"A": "1"})
    assert one.seconds(trial(1)) == 2.0 + 10 * 0.5
    assert (found.problems, script.killed) == ([], 0)


def test_a_long_trial_is_stopped_after_some_epochs(tmp_path: Path) -> None:
    script = Script(1, 1000, 3.0, PASSED)
    found = TimingProbe(script, {}, tmp_path, script.clock).run([trial(1)], [{}])
    assert [(c.epoch, c.startup) for c in found.costs] == [(3.0, 0.0)]
    assert script.killed == 1


def test_every_slot_is_busy_while_probing(tmp_path: Path) -> None:
    script = Script(3, 1000, 3.0, PASSED)
    TimingProbe(script, {}, tmp_path, script.clock).run([trial(1)], [{}])
    assert script.submitted == ["config_001"] * 3


def test_more_trials_than_slots(tmp_path: Path) -> None:
    script = Script(1, 1000, 3.0, PASSED)
    trials = [trial(1), trial(2), trial(3)]
    found = TimingProbe(script, {}, tmp_path, script.clock).run(trials, [{}, {}, {}])
    assert script.submitted == ["config_001", "config_002", "config_003"]
    assert len(found.costs) == 3


def test_a_trial_that_cannot_run_is_a_problem(tmp_path: Path) -> None:
    script = Script(1, 0, 0.0, Result(Status.ERROR, "input", "data/x: no such folder"))
    found = TimingProbe(script, {}, tmp_path, script.clock).run([trial(1)], [{}])
    assert found.costs == []
    assert found.problems == ["config_001: error (input): data/x: no such folder"]


def test_a_trial_without_an_epoch_is_given_up(tmp_path: Path) -> None:
    script = Script(1, 2, 500.0, PASSED)
    script._run = lambda slot, late: iter([(500.0, Progress(slot, 1, {"step": 1}))])  # type: ignore
    found = TimingProbe(script, {}, tmp_path, script.clock).run([trial(1)], [{}])
    assert found.problems == ["config_001: no epoch within 500 s"]


def test_shapes_of_unknown_symbols_are_kept(tmp_path: Path) -> None:
    known = toy.symbols(tmp_path)
    config = {"COUNT": "1", "RATE": "0.1", "OTHER": "x", "SEED": "1"}
    assert cost_model.shape(known, config) == {"COUNT": "1", "OTHER": "x"}
