"""The supply of a sampler that learns: what it gives, when, and again after it was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from searched_entry import accuracy, result

from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.core.trial import Trial
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning
from espalier.plan.samplers.model_based import proposal_plan
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.run.pool import InProcess
from espalier.run.samplers.sampler_supply import SamplerSupply
from espalier.run.supplies import supply_choice
from espalier.run.supplies.plan_growth import may_grow
from espalier.run.supplies.supply import Growth, Vacancy
from espalier.store import results_dir
from espalier.store.results_dir import SweepDir

pytest.importorskip("optuna")
RANGE = {
    "SAMPLER": "tpe",
    "SAMPLER_STARTUP": "3",
    "SAMPLER_TRIALS": "8",
    "DATASET": "digits",
    "LEARNING_RATE": "1e-4~*1e-1",
    "BATCH_SIZE": "32|64",
    "SEED": "1|2",
}


@pytest.fixture(scope="module")
def real() -> Symbols:
    return Symbols(tree.parse())


def began(folder: Path, real: Symbols, **settings: str) -> Path:
    """A sweep of the range file, before its first trial."""
    path = folder / "range"
    lines = (f"CONFIG_{name}={text}\n" for name, text in {**RANGE, **settings}.items())
    path.write_text("".join(lines), encoding="utf-8")
    made = planning.plan_from_files([path], symbols=real)
    plan.write_plan(made, folder / "plan", real)
    written = plan.read_plan(folder / "plan")
    place = folder / f"sweep_{len(list(folder.glob('sweep_*')))}"
    texts = plan.config_texts(folder / "plan", written.trials)
    results_dir.create(place, written.header(), texts)
    return place


class Slots(InProcess):
    """An executor with two slots."""

    def __init__(self) -> None:
        super().__init__("searched_entry:train")
        self.devices = ["cpu", "cpu"]


def vacancy(*running: int) -> Vacancy:
    return Vacancy(Slots(), lambda shape: 1, frozenset(running))


def finish(sweep: SweepDir, trials: Sequence[Trial]) -> None:
    with sweep.store.writing():
        for trial in trials:
            attempt = sweep.store.begin([trial.number], 1, "cpu")[trial.number]
            sweep.store.finish(trial.number, attempt, result(trial.config))


def record_of(sweep: SweepDir) -> SamplerRecord:
    return SamplerRecord.from_json(sweep.store.header.design)


def run(sweep: SweepDir, restart: bool = False) -> list[Growth]:
    """Run all trials, one batch after another."""
    finish(sweep, sweep.store.trials())
    supply, growths = SamplerSupply(sweep), []
    while not growths or not growths[-1].ended:
        supply = SamplerSupply(sweep) if restart else supply
        growths.append(supply(vacancy()))
        finish(sweep, growths[-1].trials)
    return growths


@pytest.fixture
def sweep(tmp_path: Path, real: Symbols) -> SweepDir:
    return SweepDir(began(tmp_path, real))


def test_a_sweep_begins_with_what_needs_no_results(sweep: SweepDir) -> None:
    trials = sweep.store.trials()
    assert [trial.config["SEED"] for trial in trials] == ["1", "2"] * 3
    assert len({trial.configuration for trial in trials}) == 3
    assert may_grow(sweep.store)
    assert isinstance(supply_choice.open_supply(sweep, []), SamplerSupply)


def test_each_proposal_has_every_seed_and_the_plan_grows_by_it(sweep: SweepDir) -> None:
    growths = run(sweep)
    assert [len(growth.trials) for growth in growths] == [2] * 5
    assert [line for growth in growths for line in growth.lines] == [
        f"tpe: {n} of 8 configurations proposed" for n in range(4, 9)
    ]
    trials = sweep.store.trials()
    assert [trial.name for trial in trials] == [f"config_{n:03}" for n in range(1, 17)]
    assert len({trial.configuration for trial in trials}) == 8
    header = sweep.store.header
    assert (header.trials, header.counts["trials"]) == (16, 16)
    assert [axis["symbol"] for axis in header.axes] == ["LEARNING_RATE", "BATCH_SIZE", "SEED"]
    assert all(set(trial.swept) == {"LEARNING_RATE", "BATCH_SIZE", "SEED"} for trial in trials)
    assert sweep.store.config_text(16).count(f"CONFIG_SEED={trials[15].config['SEED']}\n") == 1
    assert not may_grow(sweep.store)


def test_a_lost_supply_is_made_again_from_the_store(tmp_path: Path, real: Symbols) -> None:
    whole, killed = (SweepDir(began(tmp_path, real)) for _ in range(2))
    run(whole)
    run(killed, restart=True)
    assert whole.store.trials() == killed.store.trials()
    assert record_of(whole) == record_of(killed)


def test_the_sampler_is_told_the_mean_over_seeds(sweep: SweepDir) -> None:
    finish(sweep, sweep.store.trials())
    supply = SamplerSupply(sweep)
    supply(vacancy())
    trials = {trial.id: trial.config for trial in sweep.store.trials()}
    for each in record_of(sweep).proposals[:3]:
        values = supply._result(each)
        assert values == pytest.approx([accuracy(trials[each.trial]) + 0.005])


def test_it_waits_while_enough_is_at_work(sweep: SweepDir) -> None:
    trials = sweep.store.trials()
    finish(sweep, trials[:4])
    supply = SamplerSupply(sweep)
    assert not supply(vacancy(5, 6)).trials
    finish(sweep, trials[4:5])
    growth = supply(vacancy(6))  # one of two workers is free
    assert len(growth.trials) == 2
    assert record_of(sweep).proposals[3].observed == [0, 1]
    finish(sweep, trials[5:])
    supply(vacancy(7))
    assert record_of(sweep).proposals[4].observed == [2]


def test_nothing_more_is_proposed_while_all_has_failed(
    sweep: SweepDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS_ABOVE", "0")
    finish(sweep, sweep.store.trials())
    growth = SamplerSupply(sweep)(vacancy())
    assert (growth.trials, growth.ended) == ((), True)
    assert growth.lines == [
        "tpe: none of its 3 configurations passed with a score, so there is nothing to learn from; "
        "no more are proposed"
    ]
    assert may_grow(sweep.store)  # it goes on once one of them passes


def test_a_batch_waits_for_all_of_its_results(tmp_path: Path, real: Symbols) -> None:
    sweep = SweepDir(began(tmp_path, real, SAMPLER_BATCH="3"))
    assert len(sweep.store.trials()) == 6
    finish(sweep, sweep.store.trials()[:5])
    supply = SamplerSupply(sweep)
    assert not supply(vacancy(6)).trials
    finish(sweep, sweep.store.trials()[5:])
    assert len(supply(vacancy()).trials) == 6


def test_more_configurations_than_planned_go_on_with_the_same_sweep(
    tmp_path: Path, real: Symbols
) -> None:
    sweep = SweepDir(began(tmp_path, real))
    run(sweep)
    other = SweepDir(began(tmp_path, real, SAMPLER_TRIALS="10"))
    header: PlanHeader = proposal_plan.go_on(sweep.store.header, other.store.header)
    assert header.plan_id == sweep.store.header.plan_id
    with sweep.store.writing():
        sweep.store.set_header(header)
    assert may_grow(sweep.store)
    assert record_of(sweep).trials == 10
    run(sweep)
    assert len(record_of(sweep).proposals) == 10


def test_fewer_configurations_than_there_are_leave_all_of_them(
    tmp_path: Path, real: Symbols
) -> None:
    sweep = SweepDir(began(tmp_path, real))
    run(sweep)
    there = len(record_of(sweep).proposals)
    fewer = SweepDir(began(tmp_path, real, SAMPLER_TRIALS="2"))
    header: PlanHeader = proposal_plan.go_on(sweep.store.header, fewer.store.header)
    assert (header.design["trials"], len(header.design["proposals"])) == (there, there)


def test_another_sampler_is_another_plan(tmp_path: Path, real: Symbols) -> None:
    tpe = SweepDir(began(tmp_path, real))
    gp = SweepDir(began(tmp_path, real, SAMPLER="gp"))
    first = [sweep.store.trials() for sweep in (tpe, gp)]
    assert first[0] == first[1]
    assert tpe.store.header.plan_id != gp.store.header.plan_id


def test_the_test_set_is_refused_when_the_sweep_is_run(sweep: SweepDir) -> None:
    header = sweep.store.header
    settings = {**header.settings, "RANK_BY": "test_acc"}
    with sweep.store.writing():
        sweep.store.set_header(replace(header, settings=settings))
    with pytest.raises(UserError, match="RANK_BY=test_acc: test_acc is of the test data"):
        SamplerSupply(sweep)


def test_proposals_that_cannot_be_repeated_are_one_line(sweep: SweepDir) -> None:
    finish(sweep, sweep.store.trials())
    header = sweep.store.header
    design = {**header.design, "distributions": ["?"] * len(header.design["distributions"])}
    with sweep.store.writing():
        sweep.store.set_header(replace(header, design=design))
    with pytest.raises(UserError, match=r"sweep_0: its proposals cannot be repeated .*; NEW=1"):
        SamplerSupply(sweep)(vacancy())


def test_while_a_cluster_has_no_node_there_is_something_to_wait_for(
    tmp_path: Path, real: Symbols
) -> None:
    sweep = SweepDir(began(tmp_path, real))
    finish(sweep, sweep.store.trials())
    nowhere = Slots()
    nowhere.capacity = 0
    assert len(SamplerSupply(sweep)(Vacancy(nowhere, lambda shape: 1, frozenset())).trials) == 2
