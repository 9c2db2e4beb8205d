"""How many trials to pack, from step times that are made up."""

import functools
import itertools
import json

import pytest
import torch
from linear_runs import linear_run, trainer

from espalier.core.process.memory import SHARERS, WORKERS
from espalier.layers.folded import CannotPack
from espalier.train import pack_size
from espalier.train.engine.trainer import Recipe
from espalier.train.pack_size import PackChoice
from espalier.train.packs import pack_cache

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv(WORKERS, "1")


def trainers(samples=4000, epochs=10, **recipe):
    """Trainers without end, all over the same data: 2,000 steps an epoch."""
    first = linear_run(samples=samples, epochs=epochs)

    def fresh():
        run = linear_run(samples=samples, epochs=epochs)
        run.train = first.train
        return trainer(run, Recipe(**recipe))

    return (fresh() for _ in itertools.count())


@pytest.fixture
def timed(monkeypatch):
    """Says how long a step takes by the number trained together; tells what was timed."""

    def use(seconds):
        seen = []

        def step_seconds(arm, beside=None):
            seen.append(len(arm.trainers))
            outcome = seconds[len(arm.trainers)]
            if isinstance(outcome, Exception):
                raise outcome
            return outcome * len(arm.trainers)

        monkeypatch.setattr(pack_size, "step_seconds", step_seconds)
        return seen

    return use


def test_the_fastest_size_is_chosen(timed):
    seen = timed({1: 4e-4, 4: 2e-4, 16: 1.4e-4, 64: 1.2e-4})
    assert pack_size.choose_pack_size(trainers(), 64) == PackChoice(
        64, "", {1: 4e-4, 4: 2e-4, 16: 1.4e-4, 64: 1.2e-4}
    )
    assert seen == [1, 4, 16, 64]


def test_of_sizes_that_are_about_as_fast_the_smallest_is_chosen(timed):
    timed({1: 4e-4, 4: 2e-4, 16: 1.02e-4, 64: 1e-4})
    assert pack_size.choose_pack_size(trainers(), 64).size == 16


def test_sizes_are_not_tried_beyond_the_first_that_is_slower(timed):
    seen = timed({1: 4e-4, 4: 2e-4, 16: 3e-4})
    assert pack_size.choose_pack_size(trainers(), 64).size == 4
    assert seen == [1, 4, 16]


def test_a_pack_that_hardly_gains_is_not_chosen_and_the_figures_say_why(timed):
    timed({1: 4e-4, 4: 3.8e-4, 16: 4e-4})
    choice = pack_size.choose_pack_size(trainers(), 16)
    assert choice.size == 1
    assert choice.why == (
        "a step of one trial takes 0.40 ms alone and 0.38 ms among 4 on this device"
    )


def test_long_steps_are_not_packed_and_no_pack_is_timed(timed):
    seen = timed({1: 0.5})
    choice = pack_size.choose_pack_size(trainers(), 16)
    assert (choice.size, seen) == (1, [1])
    assert choice.why == "a step takes 500 ms, packing saves less than one"


def test_the_share_of_a_worker_bounds_the_size(timed, monkeypatch):
    monkeypatch.setenv(WORKERS, "2")
    seen = timed({1: 4e-4, 4: 2e-4, 16: 1.5e-4, 18: 1.4e-4})
    assert pack_size.choose_pack_size(trainers(), 36).size == 18
    assert seen == [1, 4, 18]


def test_too_little_to_do_is_not_measured(timed):
    seen = timed({})
    assert pack_size.choose_pack_size(trainers(samples=40, epochs=2), 8) is None  # 40 steps each
    assert pack_size.choose_pack_size(trainers(), 1) is None
    assert seen == []


def test_a_pack_that_would_take_more_than_the_allowance_is_not_timed(timed):
    # 0.03 * 4 trials * 20,000 steps * 0.4 ms are 0.96 s; a pack of 4 would take 10 * 4 * 30 ms
    seen = timed({1: 4e-4, 2: 1e-4})
    pack_size.choose_pack_size(
        trainers(epochs=1), 2
    )  # 0.03 * 2 * 2,000 steps: a pack of 2 takes 20 steps
    assert seen == [1, 2]


def test_what_cannot_be_packed_is_said(timed):
    assert pack_size.choose_pack_size(trainers(compile=True), 8).why == (
        "compiled models are trained one by one"
    )
    timed({1: 4e-4, 4: CannotPack("the model mixes the samples of a batch")})
    choice = pack_size.choose_pack_size(trainers(), 16)
    assert (choice.size, choice.why) == (1, "the model mixes the samples of a batch")


def test_memory_that_runs_out_leaves_the_sizes_before(timed):
    timed({1: 4e-4, 4: 2e-4, 16: torch.OutOfMemoryError("no more")})
    assert pack_size.choose_pack_size(trainers(), 64).size == 4


def test_sizes_to_try():
    assert pack_size.candidate_sizes(2) == [2]
    assert pack_size.candidate_sizes(5) == [5]
    assert pack_size.candidate_sizes(6) == [4, 6]
    assert pack_size.candidate_sizes(64) == [4, 16, 64]
    assert pack_size.candidate_sizes(4096) == [4, 16, 64, 256]


def test_real_steps_are_timed_without_touching_the_first_run(monkeypatch):
    monkeypatch.setattr(pack_size, "LONG", 60.0)  # however busy the machine is
    first, second = itertools.islice(trainers(), 2)
    third = next(trainers())
    alone = pack_size.PackCandidate([third])
    assert pack_size.step_seconds(pack_size.PackCandidate([first, second]), alone) > 0
    assert first.run.step == second.run.step == pack_size.WARM + pack_size.TIMED
    assert third.run.step == len(alone.seconds) == len(alone.held) == first.run.step  # in turn


def test_an_answer_is_recalled_for_as_many_trials_or_fewer():
    choice = PackChoice(16, "", {1: 4e-4, 16: 1e-4})
    pack_cache.save("shape-a", CPU, 64, choice)
    assert pack_cache.load("shape-a", CPU, 64) == choice
    assert pack_cache.load("shape-a", CPU, 10) == choice
    assert pack_cache.load("shape-a", CPU, 65) is None
    assert pack_cache.load("shape-b", CPU, 10) is None


def test_another_number_of_workers_is_another_question(monkeypatch):
    pack_cache.save("shape-c", CPU, 64, PackChoice(16, "", {}))
    monkeypatch.setenv(SHARERS, "8")
    assert pack_cache.load("shape-c", CPU, 64) is None


def test_a_damaged_cache_is_an_empty_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pack_cache.save("shape", CPU, 4, PackChoice(4, "", {}))
    file = tmp_path / "espalier" / "packs.json"
    (key,) = json.loads(file.read_text(encoding="utf-8"))
    for damaged in ("{", "[]", f'{{"{key}": 1}}', f'{{"{key}": {{"count": 9, "size": "x"}}}}'):
        file.write_text(damaged, encoding="utf-8")
        assert pack_cache.load("shape", CPU, 4) is None
    pack_cache.save("shape", CPU, 4, PackChoice(4, "", {}))
    assert pack_cache.load("shape", CPU, 4) == PackChoice(4, "", {})


def test_a_cache_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    pack_cache.save("shape", CPU, 4, PackChoice(4, "", {}))
    assert pack_cache.load("shape", CPU, 4) is None


def test_long_steps_are_told_by_two_in_succession(monkeypatch):
    def taking(*seconds):
        left = iter(seconds)
        monkeypatch.setattr(pack_size, "_timed", lambda loop, x, y: (next(left), 0.0))
        arm = pack_size.PackCandidate(list(itertools.islice(trainers(), 1)))
        return pack_size.step_seconds(arm), len(list(left))

    assert taking(9.0, 0.5, 0.4, 0.3) == (0.4, 1)
    hiccup = [9.0, 0.5, *[1e-3] * (pack_size.WARM + pack_size.TIMED - 2)]
    assert taking(*hiccup) == (1e-3, 0)


@pytest.fixture
def machine(monkeypatch):
    """Says how long the next steps take and how much of that this thread has a processor."""

    def use(steps):
        left = iter(steps)
        monkeypatch.setattr(pack_size, "_timed", lambda loop, x, y: next(left))

    return use


STEPS = pack_size.WARM + pack_size.TIMED  # of an arm


def measured(alone, pack, held=1.0):
    """Steps of a probe of 4: alone, then in turn; `alone` are its times before and beside."""
    before, beside = alone
    turns = [(pack, held * pack), (beside, held * beside)] * STEPS
    return [(before, held * before)] * STEPS + turns


def test_a_quiet_machine_gives_an_answer_to_keep(machine):
    machine(measured((4e-4, 4.4e-4), 8e-4, held=0.95))
    choice = pack_size.choose_pack_size(trainers(), 4)
    assert choice == PackChoice(4, "", {1: 4e-4, 4: 2e-4})


@pytest.mark.parametrize(
    ("alone", "held", "doubt"),
    [
        ((4e-4, 4e-4), 0.5, "this process had a processor for 50 % of the time"),
        ((4e-4, 9e-4), 1.0, "the same step took 0.40 ms and then 0.90 ms"),
        ((9e-4, 4e-4), 1.0, "the same step took 0.40 ms and then 0.90 ms"),
    ],
)
def test_a_busy_machine_gives_an_answer_that_is_not_kept(machine, alone, held, doubt):
    machine(measured(alone, 8e-4, held))
    choice = pack_size.choose_pack_size(trainers(), 4)
    assert (choice.size, choice.doubt) == (4, doubt)
    pack_cache.save("shape-d", CPU, 4, choice)
    assert pack_cache.load("shape-d", CPU, 4) is None


def test_a_long_step_on_a_busy_machine_is_no_reason_for_ever(machine):
    machine([(0.5, 0.1)] * 3)
    choice = pack_size.choose_pack_size(trainers(), 16)
    assert choice.size == 1 and choice.doubt == "this process had a processor for 20 % of the time"


def test_a_search_that_compared_nothing_answers_nothing(timed, monkeypatch):
    clock = iter([0.0, 100.0])
    monkeypatch.setattr(pack_size.time, "perf_counter", lambda: next(clock))
    seen = timed({1: 4e-4})
    assert pack_size.choose_pack_size(trainers(), 16) is None
    assert seen == [1]


def test_models_that_cannot_be_compared_are_not_packed(timed):
    seen = timed({})

    def fresh():
        trainer = next(trainers())
        trainer.run.model.act = functools.partial(max, 0)
        return trainer

    choice = pack_size.choose_pack_size((fresh() for _ in itertools.count()), 16)
    assert (choice.size, seen) == (1, [])
    assert "cannot be compared" in choice.why
