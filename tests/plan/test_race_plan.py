"""The plan of a race: ids of a plain sweep, numbers that stay, axes that are joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from espalier.core.records import PlanHeader, RaceRecord
from espalier.core.trial import Trial
from espalier.plan import planning, race_plan
from espalier.plan.expand import identity
from espalier.plan.plan import render
from espalier.plan.race_plan import ConfigText, PlanGrowth

RULES = RaceRecord(alpha=0.05, margin=0.0, max_seeds=6, by="val_acc", seeds=["7", "2"])


def trial(number: int, **config: str) -> ConfigText:
    made = Trial(number, f"config_{number:03}", identity(config), config, {}, "shape")
    return made, "".join(f"CONFIG_{name}={text}\n" for name, text in config.items())


def header(**axes: list[str]) -> PlanHeader:
    return PlanHeader(
        plan_id="plain", axes=[{"symbol": name, "values": every} for name, every in axes.items()]
    )


PLAIN = [trial(1, LR="0.1", SEED="7"), trial(2, LR="0.1", SEED="2"), trial(3, LR="0.2", SEED="7")]
AXES = header(LR=["0.1", "0.2"], SEED=["7", "2"])


def names(growth: PlanGrowth) -> list[tuple[str, str, str]]:
    return [(t.name, t.config["LR"], t.config["SEED"]) for t, _ in growth.added]


def test_seeds_are_those_given_and_then_the_integers_above() -> None:
    assert RULES.order == ["7", "2", "8", "9", "10", "11"]
    last = RaceRecord(alpha=0.05, margin=0.0, max_seeds=3, by="val_acc", seeds=["2147483647"])
    assert last.order == ["2147483647", "0", "1"]


def test_a_race_begins_with_three_seeds_of_each_configuration() -> None:
    growth = race_plan.begin(AXES, PLAIN, RULES)
    assert names(growth) == [
        ("config_001", "0.1", "7"),
        ("config_002", "0.1", "2"),
        ("config_003", "0.1", "8"),
        ("config_004", "0.2", "7"),
        ("config_005", "0.2", "2"),
        ("config_006", "0.2", "8"),
    ]
    assert [t.id for t, _ in growth.added] == [identity(t.config) for t, _ in growth.added]
    assert growth.added[2][1] == "CONFIG_LR=0.1\nCONFIG_SEED=8\n"
    assert growth.header.trials == growth.header.counts["trials"] == 6
    assert growth.header.axes[1] == {"symbol": "SEED", "values": ["7", "2", "8"]}
    assert growth.header.race == RULES and growth.header.plan_id == race_plan.race_id("plain")
    assert growth.header.plan_id != "plain"


def test_trials_that_are_there_keep_their_numbers() -> None:
    begun = race_plan.begin(AXES, PLAIN, RULES)
    trials = [t for t, _ in begun.added]
    again = race_plan.grow(begun.header, trials, [(PLAIN[2], seed) for seed in ("7", "9", "10")])
    assert names(again) == [("config_007", "0.2", "9"), ("config_008", "0.2", "10")]
    assert again.changed == [] and again.header.trials == 8
    assert again.header.axes[1]["values"] == ["7", "2", "8", "9", "10"]
    assert {t.shape for t, _ in again.added} == {"shape"}


def test_new_trials_take_numbers_and_names_that_are_free() -> None:
    """A plan of a user's files has their names, and one made again from trials has gaps."""
    mine = [replace(PLAIN[0][0], number=2, name="config_004"), replace(PLAIN[1][0], number=3)]
    growth = race_plan.grow(AXES, mine, [(PLAIN[2], "7"), (PLAIN[2], "9")])
    assert [(t.number, t.name) for t, _ in growth.added] == [
        (4, "config_004_2"),
        (5, "config_005"),
    ]


def test_what_a_wider_plan_adds_is_swept_by_all() -> None:
    begun = race_plan.begin(AXES, PLAIN, RULES)
    trials = [t for t, _ in begun.added]
    wider = [trial(1, LR="0.1", EPOCHS="5", SEED="1"), trial(2, LR="0.1", EPOCHS="9", SEED="1")]
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=6, by="val_acc", seeds=["1"])
    more = race_plan.begin(header(EPOCHS=["5", "9"]), wider, rules)
    begun = begun._replace(header=replace(begun.header, packs={"shape": {"size": 4}}))
    growth = race_plan.join(begun.header, trials, more.header, more.added)
    assert growth.header.race is not None and growth.header.packs == begun.header.packs
    assert growth.header.race.seeds == ["7", "2"]  # as the race began
    assert growth.header.plan_id == more.header.plan_id
    assert [t.number for t, _ in growth.added] == [7, 8, 9, 10, 11, 12]
    assert growth.added[3][0].swept == {"LR": "0.1", "SEED": "7", "EPOCHS": "9"}
    assert growth.changed == []  # they have no EPOCHS
    same = race_plan.join(begun.header, trials, begun.header, begun.added)
    assert same.added == same.changed == []


def test_what_each_of_two_plans_keeps_fixed_is_an_axis_of_both() -> None:
    first = [trial(n, LR=lr, WIDTH="8", SEED="1") for n, lr in enumerate(("0.1", "0.2"), 1)]
    second = [trial(n, LR=lr, WIDTH="9", SEED="1") for n, lr in enumerate(("0.1", "0.2"), 1)]
    begun = race_plan.begin(header(LR=["0.1", "0.2"]), first, RULES)
    more = race_plan.begin(header(LR=["0.1", "0.2"]), second, RULES)
    growth = race_plan.join(begun.header, [t for t, _ in begun.added], more.header, more.added)
    assert len(growth.added) == len(growth.changed) == 6
    assert growth.changed[0].swept == {"WIDTH": "8", "LR": "0.1", "SEED": "7"}
    assert growth.changed[0].id == begun.added[0][0].id


def test_a_plain_sweep_brings_its_seeds() -> None:
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=6, by="val_acc", seeds=["2"])
    wider = race_plan.begin(AXES, PLAIN, rules)
    growth = race_plan.join(AXES, [t for t, _ in PLAIN], wider.header, wider.added)
    assert growth.header.race is not None
    assert growth.header.race.order == ["2", "7", "8", "9", "10", "11"]
    assert names(growth) == [
        ("config_004", "0.1", "8"),
        ("config_005", "0.2", "2"),
        ("config_006", "0.2", "8"),
    ]
    assert [t.swept for t in growth.changed] == [t.config for t, _ in PLAIN]


def test_trials_are_those_of_a_plain_sweep_of_the_same_seeds(tmp_path: Path) -> None:
    file = tmp_path / "some-range"
    file.write_text("CONFIG_LEARNING_RATE=0.1|0.2\nCONFIG_SEED=1|2|3|4\n", encoding="utf-8")
    plain, texts = render(planning.plan_from_files([file]))
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=6, by="val_acc", seeds=["1"])
    begun = race_plan.begin(plain.header(), texts, rules)
    pairs = [(each, "4") for each in race_plan.configurations(begun.added)]
    more = race_plan.grow(begun.header, [t for t, _ in begun.added], pairs)
    raced = {t.id: (t.config, t.swept, t.shape, text) for t, text in begun.added + more.added}
    assert raced == {t.id: (t.config, t.swept, t.shape, text) for t, text in texts}


def test_a_plan_that_joins_a_race_has_rules() -> None:
    with pytest.raises(ValueError, match="no race"):
        race_plan.join(AXES, [t for t, _ in PLAIN], AXES, PLAIN)
