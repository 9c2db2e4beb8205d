"""The rules as symbols set them: rungs, what is refused, and what makes another plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trial_results import trial

from espalier.core.errors import UserError
from espalier.core.records import ClaimSeal, PlanHeader, RaceRecord
from espalier.core.trial import Trial, has_rungs
from espalier.plan import planning
from espalier.plan.plan import Plan
from espalier.plan.stopping.stop_rules import (
    RungRule,
    check_stop,
    idle_notes,
    keep_decider,
    rules_text,
    stop_rules,
)

ASHA = {
    "STOP": "asha",
    "STOP_REDUCTION": "3",
    "STOP_RUNGS": "",
    "STOP_BY": "",
    "RANK_BY": "val_acc",
}
KEEP = {"STOP": "first_epoch", "STOP_KEEP": "2", "STOP_BY": "val_loss", "RANK_BY": "val_acc"}


def long_trials(epochs: int = 9) -> list[Trial]:
    return [trial(1, 1, NUM_EPOCHS=str(epochs)), trial(2, 1, NUM_EPOCHS="1")]


def rungs(epochs: int, **changes: str) -> list[int]:
    rules = stop_rules({**ASHA, **changes})
    assert rules is not None
    return rules.rungs(epochs)


@pytest.mark.parametrize(
    ("epochs", "expected"), [(2, []), (3, [1]), (9, [1, 3]), (26, [1, 3]), (27, [1, 3, 9])]
)
def test_usual_rungs_leave_as_much_to_the_end(epochs: int, expected: list[int]) -> None:
    assert rungs(epochs) == expected


def test_set_rungs_are_those_before_the_end() -> None:
    assert rungs(9, STOP_RUNGS="2, 5,9,20") == [2, 5]
    assert rungs(9, STOP_RUNGS="7", STOP_REDUCTION="2") == [7]


def test_after_the_first_epoch_so_many_go_on() -> None:
    rules = stop_rules(KEEP)
    assert rules is not None
    assert (rules.rule, rules.rungs(2), rules.rungs(1)) == (RungRule.FIRST_EPOCH, [1], [])
    assert (rules.keeps(100), rules.by.name) == (2, "val_loss")


@pytest.mark.parametrize(("count", "kept"), [(1, 1), (2, 1), (5, 1), (6, 2), (9, 3)])
def test_a_part_goes_on_and_never_none(count: int, kept: int) -> None:
    rules = stop_rules(ASHA)
    assert rules is not None
    assert rules.keeps(count) == kept


@pytest.mark.parametrize("settings", [{}, {"STOP": "none", "RANK_BY": "test_acc"}])
def test_without_a_rule_nothing_stops(settings: dict[str, str]) -> None:
    assert stop_rules(settings) is None
    assert not has_rungs(settings)
    assert has_rungs(ASHA)
    assert rules_text(settings) == ""


@pytest.mark.parametrize("text", ["3,1", "0,3", "1,1", "a", "1,,3", "-1", "1;3", "\u0663"])
def test_rungs_ascend(text: str) -> None:
    with pytest.raises(UserError, match=r"CONFIG_STOP_RUNGS=.*: must be numbers of epochs from 1"):
        stop_rules({**ASHA, "STOP_RUNGS": text})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"STOP_BY": "test_acc"}, "CONFIG_STOP_BY=test_acc: stops configurations, and test data"),
        ({"RANK_BY": "test_loss"}, "CONFIG_RANK_BY=test_loss: stops configurations, and test"),
        ({"STOP_BY": "charm"}, "CONFIG_STOP_BY=charm: nothing says whether more of charm is"),
        ({"STOP_BY": "charm:up"}, "CONFIG_STOP_BY=charm:up: :up must be :max"),
        ({"STOP_BY": "val_acc,val_loss"}, "CONFIG_STOP_BY=val_acc,val_loss: one measure decides"),
    ],
)
def test_what_decides_is_a_measure_of_an_epoch(changes: dict[str, str], line: str) -> None:
    with pytest.raises(UserError) as raised:
        stop_rules({**ASHA, **changes})
    (said,) = raised.value.lines
    assert said.startswith(line)


def refusal(header: PlanHeader, epochs: int = 9) -> str:
    with pytest.raises(UserError) as raised:
        check_stop(header, long_trials(epochs))
    (line,) = raised.value.lines
    return line


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("STOP_BY", "foo:max", ""),
        ("STOP_BY", "best_val_acc", "did you mean val_acc? "),
        ("STOP_BY", "val_los", "did you mean val_loss? "),
        ("RANK_BY", "total_time,val_acc", ""),
    ],
)
def test_what_no_epoch_of_the_library_has_is_refused_before_anything_runs(
    name: str, text: str, hint: str
) -> None:
    line = refusal(PlanHeader(settings={**ASHA, name: text}))
    rule = "configurations stop by a number of every epoch: val_acc, val_loss, train_loss, sparsity"
    assert line == f"CONFIG_{name}={text}: {hint}{rule}; set CONFIG_STOP_BY to one of them"


@pytest.mark.parametrize("text", ["VAL_ACC", "train_loss", "sparsity:max", "val_acc:min"])
def test_what_every_epoch_has_may_decide(text: str) -> None:
    check_stop(PlanHeader(settings={**ASHA, "STOP_BY": text}), long_trials())


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({}, {"TRAINER": "script"}),
        ({"entry": "mine:train"}, {}),
        ({"trees": [{"path": "mine", "sources": "1"}]}, {}),
    ],
)
def test_what_a_program_of_ones_own_records_is_not_known_beforehand(
    changes: dict[str, Any], settings: dict[str, str]
) -> None:
    stopping = {**ASHA, **settings, "STOP_BY": "foo:max"}
    check_stop(PlanHeader(settings=stopping, **changes), long_trials())


@pytest.mark.parametrize(
    ("changes", "count", "said"),
    [
        (
            {**KEEP, "STOP_KEEP": "3"},
            3,
            "CONFIG_STOP_KEEP=3: nothing stops, as all 3 configurations go on; "
            "keep fewer, or leave CONFIG_STOP out",
        ),
        (
            ASHA,
            1,
            "CONFIG_STOP=asha: nothing stops, as the only configuration goes on; "
            "leave CONFIG_STOP out",
        ),
        ({**KEEP, "STOP_KEEP": "3"}, 4, ""),
        (ASHA, 2, ""),
        ({}, 1, ""),
    ],
)
def test_rules_that_stop_nothing_are_noted(changes: dict[str, str], count: int, said: str) -> None:
    trials = [trial(n, 1, LR=str(n)) for n in range(1, count + 1)]
    seeds = [trial(n + count, 2, LR=str(n)) for n in range(1, count + 1)]
    assert idle_notes(changes, [*trials, *seeds]) == [said] * bool(said)


def test_a_plan_has_the_note(tmp_path: Path) -> None:
    file = tmp_path / "f"
    lines = ["DATASET=digits", "PRUNING_METHOD=none", "STOP=asha", "SEED=1|2"]
    file.write_text("".join(f"CONFIG_{each}\n" for each in lines), encoding="utf-8")
    (note,) = planning.plan_from_files([file]).notes
    assert note.startswith("CONFIG_STOP=asha: nothing stops")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("STOP_RUNGS=3,1", "f:4: CONFIG_STOP_RUNGS=3,1: must be numbers of epochs"),
        ("STOP_BY=foo:max", "f:4: CONFIG_STOP_BY=foo:max: configurations stop by a number"),
        ("TRIAL_SECONDS=60", "f:3: CONFIG_STOP=asha: CONFIG_TRIAL_SECONDS sets the end"),
        ("NUM_EPOCHS=2", "f:3: CONFIG_STOP=asha: needs trials of 3 epochs or more"),
    ],
)
def test_an_error_has_the_place_of_its_setting(line: str, said: str, tmp_path: Path) -> None:
    lines = ["DATASET=digits", "PRUNING_METHOD=none", "STOP=asha", line]
    file = tmp_path / "f"
    file.write_text("".join(f"CONFIG_{each}\n" for each in lines), encoding="utf-8")
    with pytest.raises(UserError) as raised:
        planning.plan_from_files([file])
    assert raised.value.lines[0].startswith(f"{tmp_path}/{said}")


def test_trials_that_are_too_short_are_one_line() -> None:
    line = refusal(PlanHeader(settings=ASHA), 2)
    assert line == (
        "CONFIG_STOP=asha: needs trials of 3 epochs or more, and none has more than 2; "
        "raise CONFIG_NUM_EPOCHS"
    )
    assert "needs trials of 6 epochs" in refusal(
        PlanHeader(settings={**ASHA, "STOP_RUNGS": "5"}), 5
    )
    check_stop(PlanHeader(settings=ASHA), long_trials(3))


@pytest.mark.parametrize(
    "header",
    [
        PlanHeader(settings=ASHA, race=RaceRecord(alpha=0.1, margin=0, max_seeds=3, by="val_acc")),
        PlanHeader(settings=ASHA, claims=ClaimSeal()),
        PlanHeader(settings=ASHA, design={"proposals": []}),
    ],
)
def test_what_needs_every_end_is_refused(header: PlanHeader) -> None:
    line = refusal(header)
    assert line.startswith("CONFIG_STOP=asha: ")
    assert line.endswith("; set CONFIG_STOP=none for it")


def test_trials_of_a_set_time_have_no_rungs() -> None:
    timed = [trial(1, 1, NUM_EPOCHS="9", TRIAL_SECONDS="60")]
    with pytest.raises(UserError, match="CONFIG_TRIAL_SECONDS sets the end of trials by time"):
        check_stop(PlanHeader(settings=ASHA), timed)
    check_stop(PlanHeader(settings=ASHA), [trial(1, 1, NUM_EPOCHS="9", TRIAL_SECONDS="0")])


def test_other_rules_make_another_plan() -> None:
    plans = [
        Plan(trials=long_trials(), settings=settings)
        for settings in ({}, {"STOP": "none"}, ASHA, {**ASHA, "STOP_REDUCTION": "4"}, KEEP)
    ]
    ids = [plan.plan_id for plan in plans]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_what_decided_is_kept_when_another_measure_ranks() -> None:
    later = stop_rules({**keep_decider(ASHA), "RANK_BY": "test_acc"})
    assert later is not None
    assert later.by.name == "val_acc"
    assert keep_decider(KEEP) == KEEP
    assert keep_decider({"STOP": "none", "RANK_BY": "val_acc"}).get("STOP_BY") is None


def test_another_measure_that_decides_is_another_plan() -> None:
    assert rules_text(ASHA) == rules_text({**ASHA, "STOP_BY": "val_acc"})
    assert rules_text(ASHA) != rules_text({**ASHA, "RANK_BY": "val_loss"})
    assert rules_text(KEEP) == rules_text({**KEEP, "RANK_BY": "val_loss"})
