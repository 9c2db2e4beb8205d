from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.trial import Action, Result, Status, Task, Trial
from espalier.run import cost_model
from espalier.run.cost_model import NOISE, Span, Speed
from espalier.run.speed_probe import PATIENCE, SpeedProbe
from espalier.run.workers.worker_process import Event, Finished


def trial(number: int, shape: str = "a", epochs: int = 10) -> Trial:
    config = {"NUM_EPOCHS": str(epochs)}
    return Trial(number, f"config_{number:03}", f"{number:012x}", config, shape=shape)


def measured(seconds: list[float], trials: int = 1, fixed: float = 0.0) -> Result:
    measures = {"startup": fixed, "finish": 0.0, "trials": trials}
    return Result(Status.PASSED, measures=measures, history=[{"seconds": s} for s in seconds])


def test_a_speed_is_the_share_of_one_trial() -> None:
    speed = cost_model.speed([measured([4.0, 4.0], trials=2, fixed=1.0)])
    assert speed.trials == 2
    assert speed.epoch == (pytest.approx(2.0 / NOISE), pytest.approx(2.0 * NOISE))
    assert speed.fixed == (pytest.approx(0.5 / NOISE), pytest.approx(0.5 * NOISE))
    ten = speed.seconds([trial(1)])
    assert ten.middle == pytest.approx(0.5 + 10 * 2.0)


def test_a_trial_with_a_time_of_its_own_takes_that() -> None:
    speed = cost_model.speed([measured([4.0, 4.0])])
    timed = Trial(1, "config_001", "1", {"NUM_EPOCHS": "10", "TRIAL_SECONDS": "60"})
    assert speed.seconds([timed]) == (pytest.approx(60 / NOISE), pytest.approx(60 * NOISE))


def test_what_is_to_come_is_as_the_faster_or_the_slower_half() -> None:
    speed = cost_model.speed([measured([1.0, 1.0, 3.0, 3.0]), measured([2.0])])
    assert speed.epoch == (pytest.approx(1.0 / NOISE), pytest.approx(3.0 * NOISE))
    assert speed.epoch.width == pytest.approx(3 * NOISE**2)


def test_the_total_is_what_the_clock_says_when_workers_share_the_trials() -> None:
    speeds = {"a": Speed(Span(1, 1), Span(2, 4), 1), "b": Speed(Span(0, 0), Span(10, 10), 1)}
    trials = [trial(1), trial(2), trial(3), trial(4, "b")]
    estimate = cost_model.total(trials, speeds, {"a": 1, "b": 1}, 2)
    # 21, 21, then 21 and 100 side by side; at the slow end 41, 41, 41 and 100
    assert estimate.wall == (121, 141)
    assert estimate.compute == (3 * 21 + 100, 3 * 41 + 100)
    assert (estimate.shortest, estimate.longest) == ((21, 41), (100, 100))


def test_packs_are_handed_out_as_the_runner_does() -> None:
    speeds = {"a": Speed(Span(0, 0), Span(1, 1), 8)}
    trials = [trial(n, epochs=1) for n in range(1, 9)]
    # of eight trials two workers take four each, although eight would fit into one pack
    assert cost_model.total(trials, speeds, {"a": 8}, 2).wall == (4, 4)
    assert cost_model.total(trials, speeds, {"a": 1}, 2).wall == (4, 4)
    assert cost_model.total(trials, speeds, {"a": 8}, 1).wall == (8, 8)
    # 3 and 3, then one each of the 2 that are left
    assert cost_model.total(trials, speeds, {"a": 3}, 2).wall == (4, 4)


class Script:
    """An executor on a clock of its own, whose slots answer after some seconds, or never."""

    def __init__(self, slots: int, seconds: float, result: Result) -> None:
        self.now, self._seconds, self._result = 0.0, seconds, result
        self.devices = ["cpu"] * slots
        self.running: dict[int, tuple[Task, float]] = {}
        self.tasks: list[tuple[Action, list[str]]] = []
        self.busiest = self.killed = 0

    def idle(self) -> list[int]:
        return [slot for slot in range(len(self.devices)) if slot not in self.running]

    def process(self, slot: int) -> int:
        return slot

    def submit(self, slot: int, task: Task) -> None:
        self.tasks.append((task.action, [each.name for each in task.trials]))
        (task.directory / "left").write_bytes(b"123")
        self.running[slot] = task, self.now
        self.busiest = max(self.busiest, len(self.running))

    def wait(self, seconds: float) -> list[Event]:
        self.now += 1.0
        done = [s for s, (_, since) in self.running.items() if self.now - since >= self._seconds]
        return [Finished(s, self.running.pop(s)[0].trial.number, self._result) for s in done]

    def kill(self, slot: int) -> None:
        self.killed += 1
        del self.running[slot]

    def close(self) -> None:
        self.running.clear()


def probe(script: Script, folder: Path) -> SpeedProbe:
    return SpeedProbe(script, {}, folder, clock=lambda: script.now)


def test_every_slot_measures_at_the_same_time(tmp_path: Path) -> None:
    script = Script(2, 5.0, measured([1.0]))
    packs = [[trial(1), trial(2)], [trial(3)], [trial(4)]]
    answers = probe(script, tmp_path).speeds(packs, 5.0)
    assert script.busiest == 2
    assert script.tasks[0] == (Action.MEASURE, ["config_001", "config_002"])
    assert [(len(each.trials), each.size) for each in answers] == [(2, 3), (1, 3), (1, 3)]


def test_pack_sizes_are_those_of_the_shapes(tmp_path: Path) -> None:
    script = Script(1, 1.0, Result(Status.PASSED, measures={"pack": 7}))
    groups = {"a": [trial(1), trial(2)], "b": [trial(3, "b")]}
    assert probe(script, tmp_path).pack_sizes(groups, 5.0) == {"a": 7, "b": 7}
    assert script.tasks[0] == (Action.PROBE, ["config_001", "config_002"])


def test_a_worker_that_never_answers_is_given_up(tmp_path: Path) -> None:
    script = Script(1, 1e9, measured([1.0]))
    (answer,) = probe(script, tmp_path).speeds([[trial(1)]], 5.0)
    assert (answer.result.status, script.killed) == (Status.ERROR, 1)
    assert answer.result.message == f"no answer within {5 + PATIENCE + 1:.0f} s"
