"""What the plan of a sampler that learns begins with, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.plan import Plan, read_plan, write_plan
from espalier.plan.plan_report import describe_plan
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord

pytest.importorskip("optuna")
SPACE = (
    "CONFIG_SAMPLER=tpe\nCONFIG_LEARNING_RATE=1e-4~*1e-1\nCONFIG_BATCH_SIZE=16|32|64\n"
    "CONFIG_SEED=1|2\nCONFIG_SPLIT_SEED=0|1\n"
)


def planned(folder: Path, real: Symbols, text: str, limit: int | None = None) -> Plan:
    (folder / "r").write_text(text, encoding="utf-8")
    return planning.plan_from_files([folder / "r"], limit, real)


def test_a_plan_begins_with_configurations_drawn_at_random(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, SPACE)
    record = SamplerRecord.from_json(plan.design)
    assert (record.sampler, record.seed, record.trials) == ("tpe", 0, 50)
    assert len(record.proposals) == 10
    assert len(plan.trials) == 40
    firsts = [trial.id for trial in plan.trials[::4]]
    assert [each.trial for each in record.proposals] == firsts
    assert record.requests[1] == "CONFIG_LEARNING_RATE=0.0001~*0.1"
    assert "tpe: 10 of 50 configurations proposed, seed 0" in describe_plan(plan)
    again = planned(tmp_path, real, SPACE)
    other = planned(tmp_path, real, f"{SPACE}CONFIG_SAMPLER_SEED=1\n")
    assert plan.trials == again.trials != other.trials


def test_a_plan_is_read_as_it_was_written(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, SPACE)
    written = write_plan(plan, tmp_path / "plan", real)
    read = read_plan(tmp_path / "plan")
    assert read.plan_id == written.plan_id
    assert SamplerRecord.from_json(read.design) == SamplerRecord.from_json(plan.design)


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ("CONFIG_SAMPLER_BATCH=4\n", 4),
        ("CONFIG_SAMPLER_STARTUP=7\n", 7),
        ("CONFIG_SAMPLER_TRIALS=3\n", 3),
    ],
)
def test_how_many_it_begins_with(more: str, count: int, tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, SPACE + more)
    assert len(SamplerRecord.from_json(plan.design).proposals) == count


def test_generations_begin_with_a_population(tmp_path: Path, real: Symbols) -> None:
    text = SPACE.replace("=tpe", "=nsga2") + "CONFIG_SAMPLER_POPULATION=6\n"
    assert len(SamplerRecord.from_json(planned(tmp_path, real, text).design).proposals) == 6


def test_a_configuration_without_an_axis_is_one_trial(tmp_path: Path, real: Symbols) -> None:
    plan = planned(tmp_path, real, "CONFIG_SAMPLER=tpe\nCONFIG_BATCH_SIZE=16\nCONFIG_SEED=1|2\n")
    assert (len(plan.trials), plan.design) == (2, {})


def test_the_limit_is_of_all_that_is_to_come(tmp_path: Path, real: Symbols) -> None:
    with pytest.raises(UserError, match="with every seed these are 200 trials, more than 199"):
        planned(tmp_path, real, SPACE, limit=199)
    assert len(planned(tmp_path, real, SPACE, limit=200).trials) == 40


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "CONFIG_RANK_BY=test_acc\n",
            "/r:6: CONFIG_RANK_BY=test_acc: test_acc is",
        ),
        ("CONFIG_CLAIM=BATCH_SIZE=16 better than BATCH_SIZE=32\n", "/r:6: CONFIG_CLAIM=.*sealed"),
        ("CONFIG_NUM_EPOCHS=0\n", "NUM_EPOCHS"),
        (
            'CONFIG_TRAINER=script\nCONFIG_SCRIPT="python a.py"|"python b.py"\n',
            "/r:7: CONFIG_SCRIPT=.*has several programs",
        ),
    ],
)
def test_what_cannot_be_is_refused(more: str, said: str, tmp_path: Path, real: Symbols) -> None:
    with pytest.raises(UserError, match=said):
        planned(tmp_path, real, SPACE + more)
