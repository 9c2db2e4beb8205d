"""Trials are given out to their next rung; who stops is written to the store, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import fake_sweep
import pytest
from trial_tasks import numbers

from espalier.core.records import Provenance
from espalier.core.trial import PAUSED, RUNG, Record, Result, Status, Trial
from espalier.plan import plan, planning
from espalier.plan.stopping.stop_rules import stop_rules
from espalier.run import launch
from espalier.run.entries import LIBRARY
from espalier.run.pending import pending
from espalier.run.pool import InProcess
from espalier.run.supplies.stop_supply import StopSupply
from espalier.run.supplies.supply import Growth, Vacancy
from espalier.store.results_dir import SweepDir
from espalier.store.store import Store

HALVING = {"STOP": "halving", "STOP_REDUCTION": "2", "STOP_RUNGS": "1,2"}
ASHA = {**HALVING, "STOP": "asha"}
KEEP = {"STOP": "first_epoch", "STOP_KEEP": "1"}
ENTRY = "rung_entry:train"


def rung_trial(number: int, score: float, **config: str) -> Trial:
    """A trial that scores more by `score` at every epoch, a configuration of its own."""
    values = {"SCORE": f"{score:g}", "NUM_EPOCHS": "4", **config}
    return fake_sweep.trial(number, config.pop("ACT", "pass"), **values)


FOUR = [rung_trial(n, score) for n, score in enumerate((10, 40, 20, 30), 1)]


class HeldSweep:
    """A sweep whose trials are trained by hand, each to where its supply lets it."""

    def __init__(self, folder: Path, trials: list[Trial], settings: dict[str, str]) -> None:
        self.request = fake_sweep.request(folder, trials, entry=ENTRY, **settings)
        self.sweep = SweepDir(fake_sweep.created(self.request))
        self.trained: list[tuple[int, int]] = []
        self.open()

    def open(self, pauses: bool = True) -> None:
        """Begin as a runner does: with no memory but the store."""
        rules = stop_rules(self.sweep.store.header.settings)
        assert rules is not None
        self.supply = StopSupply(self.sweep, rules, pauses)
        numbers = pending(self.sweep.store, 2)
        every = {trial.number: trial for trial in self.sweep.store.trials()}
        self.waiting = self.supply.opening([every[number] for number in numbers])

    def train(self, trial: Trial, fails: bool = False, crashes: bool = False) -> None:
        """Train a trial to its next rung or its end."""
        store, until = self.sweep.store, self.supply.until(trial)
        last = until or int(trial.config["NUM_EPOCHS"])
        score = float(trial.config["SCORE"])
        history: list[Record] = [{"epoch": n, "val_acc": score + n} for n in range(1, last + 1)]
        result = Result(Status.PASSED, measures={"val_acc": score + last}, history=history)
        if until:
            result = Result(Status.STOPPED, PAUSED, history=history)
        if fails:
            result = Result(Status.FAILED, "diverged", "loss is nan")
        if crashes:
            result = Result(Status.ERROR, "crash", "out of luck")
        self.trained.append((trial.number, until))
        with store.writing():
            attempt = store.begin([trial.number], 1, "cpu")[trial.number]
            store.finish(trial.number, attempt, result)

    def ask(self, running: Iterable[Trial] = ()) -> Growth:
        """Let the supply decide while these trials run."""
        numbers = frozenset(trial.number for trial in running)
        executor = InProcess("fake_entry:train")
        return self.supply(Vacancy(executor, lambda shape: 1, numbers))

    def run(self) -> list[str]:
        """Train all to where they may; return what was said."""
        lines: list[str] = []
        while self.waiting:
            for trial in self.waiting:
                self.train(trial)
            growth = self.ask()
            lines += growth.lines
            self.waiting = list(growth.trials)
            assert growth.ended is not bool(self.waiting)
        return lines

    def stopped(self) -> dict[int, str]:
        """Return the trials that were stopped, with what is said of each."""
        results = self.sweep.store.final_results()
        ends = ((trial.number, result) for trial, result, _ in results)
        return {number: r.message for number, r in ends if r.status is Status.STOPPED}


Held = Callable[..., HeldSweep]


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return lambda trials, settings: HeldSweep(tmp_path, trials, settings)


def test_halving_trains_the_best_half_on_and_half_of_these_to_the_end(held: Held) -> None:
    made = held(FOUR, HALVING)
    lines = made.run()
    assert made.trained == [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (4, 2), (2, 0)]
    assert made.stopped() == {
        1: "stopped after epoch 1 by halving: place 4 of 4 by validation accuracy",
        3: "stopped after epoch 1 by halving: place 3 of 4 by validation accuracy",
        4: "stopped after epoch 2 by halving: place 2 of 2 by validation accuracy",
    }
    assert lines == [
        "halving: at the rung of epoch 1, 2 go on, 2 stop",
        "halving: at the rung of epoch 2, 1 go on, 1 stop",
    ]


def test_asha_decides_as_soon_as_those_before_have_come(held: Held) -> None:
    made = held(FOUR, ASHA)  # ids ascend as numbers do
    first, second, third, fourth = made.waiting
    made.train(second)
    assert made.ask([first, third, fourth]) == Growth([], [])  # the first is missing
    made.train(first)
    growth = made.ask([third, fourth])
    assert [trial.number for trial in growth.trials] == [1, 2]  # each the best so far
    assert made.supply.until(second) == 2
    made.train(third)
    growth = made.ask([first, second, fourth])
    assert (growth.trials, made.stopped().keys()) == ([], {3})  # second of three
    assert growth.lines == ["asha: at the rung of epoch 1, 0 go on, 1 stop"]


def test_after_the_first_epoch_the_best_trains_to_its_end(held: Held) -> None:
    made = held(FOUR, KEEP)
    made.run()
    assert made.trained[4:] == [(2, 0)]
    assert {*made.stopped()} == {1, 3, 4}


def test_all_seeds_of_a_configuration_share_its_fate(held: Held) -> None:
    seeds = [rung_trial(1, 10, LR="1"), rung_trial(2, 90, LR="2", SEED="2")]
    seeds = [replace(seeds[0], config={**seeds[1].config, "SEED": "1"}), seeds[1]]
    made = held([*seeds, rung_trial(3, 95, LR="3")], KEEP)
    made.run()
    assert made.trained == [(1, 1), (2, 1), (3, 1), (3, 0)]
    assert {*made.stopped()} == {1, 2}


def test_a_seed_that_fails_stops_its_configuration_when_the_others_are_there(held: Held) -> None:
    pair = [rung_trial(1, 90, LR="1"), rung_trial(2, 90, LR="1", SEED="2")]
    made = held([*pair, rung_trial(3, 10, LR="3")], KEEP)
    made.train(pair[0], fails=True)
    made.train(made.waiting[2])
    assert made.ask([pair[1]]) == Growth([], [])
    made.train(pair[1])
    growth = made.ask()
    assert [trial.number for trial in growth.trials] == [3]
    assert made.stopped() == {
        2: "stopped after epoch 1 by first_epoch: place 2 of 2 by validation accuracy"
    }


@pytest.mark.parametrize(("score", "goes_on"), [(90, True), (5, False)])
def test_a_seed_with_an_error_leaves_the_decision_to_the_others(
    held: Held, score: float, goes_on: bool
) -> None:
    pair = [rung_trial(1, score, LR="1"), rung_trial(2, score, LR="1", SEED="2")]
    made = held([*pair, rung_trial(3, 10, LR="3")], KEEP)
    for _ in range(2):  # as often as it may
        made.train(pair[0], crashes=True)
    made.train(pair[1])
    made.train(made.waiting[2])
    growth = made.ask()
    assert [trial.number for trial in growth.trials] == [2 if goes_on else 3]
    said = "stopped after epoch 1 by first_epoch: place 2 of 2 by validation accuracy"
    seeds = ", by 1 of 2 seeds (the others had errors)"
    assert made.stopped() == ({3: said} if goes_on else {2: said + seeds})
    made.open()  # a runner that begins anew
    assert [trial.number for trial in made.waiting] == [2 if goes_on else 3]
    assert made.sweep.store.states()[1] is Status.ERROR


@pytest.mark.parametrize("moment", range(12))
def test_a_runner_that_begins_anew_goes_on_with_the_same_decisions(held: Held, moment: int) -> None:
    made = held(FOUR, ASHA)
    steps = 0
    while made.waiting:
        for trial in list(made.waiting):
            made.train(trial)
            steps += 1
            if steps == moment:
                break
        made.waiting = [] if steps == moment else list(made.ask().trials)
    made.open()
    made.run()
    assert {number: text.split(":")[0] for number, text in made.stopped().items()} == {
        3: "stopped after epoch 1 by asha",
        4: "stopped after epoch 2 by asha",
    }
    assert pending(made.sweep.store, 2) == []
    assert made.trained.count((2, 0)) == made.trained.count((1, 0)) == 1


def test_what_stops_keeps_its_epochs_and_says_where(held: Held) -> None:
    made = held(FOUR, KEEP)
    made.run()
    (_, result), *_ = [made.sweep.store.last_conclusive(1)] * 2
    assert (result.status, result.reason) == (Status.STOPPED, RUNG)
    assert result.measures == {"rung_epoch": 1, "epochs": 1, "rung_score": 11.0}
    assert [record["epoch"] for record in result.history] == [1]
    assert isinstance(result.provenance, Provenance)
    assert (made.sweep.directory(1) / "training_metrics.json").exists()


def record(epoch: int, score: float = 1.0) -> Record:
    return {"epoch": epoch, "val_acc": score}


def test_an_attempt_that_began_anew_leaves_each_epoch_once(held: Held) -> None:
    made = held(FOUR, {**HALVING, "STOP_RUNGS": "3"})
    made.open(pauses=False)
    assert made.supply.until(FOUR[0]) == 0
    said = [made.supply.observe(1, record(epoch)) for epoch in (1, 2, 1, 2, 3)]
    assert said[:4] == [None] * 4
    assert said[4] is not None
    assert [each["epoch"] for each in said[4].history] == [1, 2, 3]
    assert said[4].reason == PAUSED


def test_a_trial_that_cannot_pause_goes_on_while_it_is_sure_to(held: Held) -> None:
    made = held(FOUR, ASHA)
    made.open(pauses=False)
    assert [made.supply.observe(1, record(epoch)) for epoch in (1, 2, 3, 4)] == [None] * 4
    waits = made.supply.observe(3, record(1))  # the second is missing
    assert waits is not None
    assert made.supply.observe(2, record(1, 0.5)) is not None  # behind the first


def test_a_decision_is_written_once(held: Held) -> None:
    made = held(FOUR, KEEP)
    made.run()
    before = made.sweep.store.attempts()
    assert made.ask() == Growth([], [], ended=True)
    assert made.sweep.store.attempts() == before


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for sweeps whose workers have the entry above."""
    monkeypatch.setenv("PYTHONPATH", str(fake_sweep.HERE))
    return tmp_path


def ends(folder: Path) -> dict[str, str]:
    """Return the status of each trial of the only sweep in a folder, by name."""
    (place,) = folder.glob("sweep_*")
    with Store.open(place / "sweep.db", readonly=True) as store:
        return {trial.name: str(result.status) for trial, result, _ in store.final_results()}


@pytest.mark.parametrize(("settings", "workers"), [(HALVING, 1), (ASHA, 2), (KEEP, 2)])
def test_trials_that_cannot_pause_are_ended_at_their_rung(
    settings: dict[str, str], workers: int, live: Path
) -> None:
    log = {"EPOCHS_LOG": str(live / "epochs")}
    trials = [rung_trial(1, 40, **log), rung_trial(2, 10, HANGS="1", **log)]
    request = fake_sweep.request(live / "all", trials, entry=ENTRY, **settings)
    assert launch.run(replace(request, parallel=workers)) == 0
    assert ends(live / "all") == {"config_001": "passed", "config_002": "stopped"}
    lines = (live / "epochs").read_text(encoding="utf-8").splitlines()
    assert "config_001 4" in lines
    assert "config_002 2" not in lines


def test_a_trial_that_is_sure_to_go_on_is_not_ended(live: Path) -> None:
    log = {"EPOCHS_LOG": str(live / "epochs")}
    request = fake_sweep.request(live / "all", [rung_trial(1, 9, **log)], entry=ENTRY, **ASHA)
    assert launch.run(request) == 0
    assert (live / "epochs").read_text(encoding="utf-8").splitlines() == [
        f"config_001 {epoch}" for epoch in (1, 2, 3, 4)
    ]


def test_a_sweep_in_which_nothing_can_stop_says_so_first(
    live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = fake_sweep.request(live / "all", [rung_trial(1, 9)], entry=ENTRY, **ASHA)
    assert launch.run(request) == 0
    note = "note: CONFIG_STOP=asha: nothing stops, as the only configuration goes on; leave"
    assert note in capsys.readouterr().out


def test_trials_of_the_library_pause_and_end_as_without_a_rule(tmp_path: Path) -> None:
    base = {"TRAIN_SUBSET": "120", "PRUNING_METHOD": "none", "NUM_EPOCHS": "4", "MLP_WIDTH": "8"}
    rows = [{"LEARNING_RATE": rate} for rate in ("0.00001", "0.01", "0.003")]
    texts = {"none": {}, "halving": {"STOP_RUNGS": "1,2"}, "asha": {"STOP_RUNGS": "1,2"}}
    swept = {}
    for rule, more in texts.items():
        written, trials = plan.render(planning.plan_from_rows({**base, "STOP": rule, **more}, rows))
        wish = fake_sweep.request(tmp_path / rule, [], entry=LIBRARY, in_process=True)
        request = replace(wish, header=written.header(), trials=trials)
        assert launch.run(request) == 0
        swept[rule] = numbers_of(tmp_path / rule)
    whole = swept.pop("none")
    assert all(whole[name][0] == "passed" for name in whole)
    for ends in swept.values():
        assert "stopped" in {status for status, _ in ends.values()}
        done = {name: end for name, end in ends.items() if end[0] == "passed"}
        assert done
        assert {name: whole[name] for name in done} == done
    assert not list(tmp_path.glob("*/*/*/snapshots"))


def numbers_of(folder: Path) -> dict[str, tuple[str, tuple[list[Record], Record]]]:
    """Return status and numbers of each trial of the only sweep in a folder, by name."""
    (place,) = folder.glob("sweep_*")
    with Store.open(place / "sweep.db", readonly=True) as store:
        every = store.final_results()
    return {trial.name: (str(result.status), numbers(result)) for trial, result, _ in every}
