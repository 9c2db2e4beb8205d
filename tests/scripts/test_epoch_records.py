from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.records import Provenance
from espalier.core.trial import Record, Result
from espalier.run.workers.result_check import check_result
from espalier.scripts import epoch_records
from espalier.scripts.epoch_records import BadMeasureError, EpochRecords


class Clock:
    """A clock that is a second later at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def reported(*records: Mapping[str, Any], epochs: int = 3, **earlier: Any) -> EpochRecords:
    made = EpochRecords(epochs, clock=Clock(), **earlier)
    for record in records:
        made.add(record)
    return made


def without_time(history: list[Record]) -> list[Record]:
    return [
        {k: v for k, v in record.items() if k not in ("epochs", "seconds")} for record in history
    ]


def test_epochs_that_are_named() -> None:
    records = reported({"epoch": 1, "val_acc": 0.5}, {"epoch": 2, "val_acc": 0.25})
    assert records.history == [
        {"epoch": 1, "epochs": 3, "seconds": 1.0, "val_acc": 50.0},
        {"epoch": 2, "epochs": 3, "seconds": 1.0, "val_acc": 25.0},
    ]


def test_an_epoch_holds_until_another_is_named_and_the_last_value_counts() -> None:
    records = reported(
        {"epoch": 1, "train_loss": 3}, {"train_loss": 2}, {"val_acc": 0.5}, {"epoch": 2}, {"x": 1}
    )
    assert without_time(records.history) == [
        {"epoch": 1, "train_loss": 2, "val_acc": 50.0},
        {"epoch": 2, "x": 1},
    ]
    assert records.history[0]["seconds"] == 3.0


def test_lines_that_are_no_epochs_are_not_counted_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(epoch_records, "MOST_EPOCHS", 3)
    records = reported(*3 * [{"val_loss": 1}])
    with pytest.raises(BadMeasureError, match="epoch: there are more than 3: where none is named"):
        records.add({"val_loss": 2})
    assert len(records.history) == 3


def test_without_epochs_a_measure_that_comes_again_begins_the_next() -> None:
    records = reported({"train_loss": 3}, {"val_acc": 0.5}, {"train_loss": 2}, {"val_acc": 0.6})
    assert without_time(records.history) == [
        {"epoch": 1, "train_loss": 3, "val_acc": 50.0},
        {"epoch": 2, "train_loss": 2, "val_acc": 60.0},
    ]


def test_epochs_from_0_are_counted_from_1() -> None:
    records = reported({"epoch": 0, "val_acc": 0.5}, {"epoch": 1, "val_acc": 0.6})
    assert [record["epoch"] for record in records.history] == [1, 2]


def test_more_epochs_than_planned_are_so_many() -> None:
    assert reported({"epoch": 5, "x": 1}).history[0]["epochs"] == 5


def test_what_changed_is_returned_so_that_it_can_be_shown() -> None:
    records = EpochRecords(3, clock=Clock())
    assert records.add({"epoch": 1}) is None
    assert records.add({"test_acc": 0.5}) is None
    shown = records.add({"val_acc": 0.5})
    assert shown is not None
    assert (shown["epoch"], shown["val_acc"]) == (1, 50.0)


def test_final_measures_are_the_last_values_and_what_follows_from_all() -> None:
    records = reported(
        {"epoch": 1, "val_acc": 0.9, "lr": 0.1, "step": 10},
        {"epoch": 2, "val_acc": 0.8, "step": 20},
        {"test_acc": 0.7},
    )
    measures = records.measures()
    assert measures.pop("total_time") > 0
    assert measures == {
        "epochs": 2,
        "best_val_acc": 90.0,
        "best_epoch": 1,
        "val_acc": 80.0,
        "lr": 0.1,
        "steps": 20,
        "test_acc": 70.0,
    }
    assert all("test_acc" not in record for record in records.history)


@pytest.mark.parametrize(
    ("given", "percent"),
    [
        ({"val_acc": 0.912}, 91.2),
        ({"val_acc": 1}, 100.0),
        ({"val_acc": True}, 100.0),
        ({"val_acc_percent": 91.2}, 91.2),
        ({"val_acc_percent": 0.5}, 0.5),
    ],
)
def test_an_accuracy_is_a_share_unless_its_name_says_percent(
    given: dict[str, float], percent: float
) -> None:
    assert reported(given).measures()["val_acc"] == pytest.approx(percent)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"val_acc": 91.2}, "val_acc=91.2: must be 0 to 1; val_acc is a share, 0 to 1, and "),
        ({"val_acc": -0.1}, "val_acc=-0.1: must be 0 to 1"),
        ({"val_acc_percent": 101}, "val_acc_percent=101: must be 0 to 100"),
        ({"score": "high"}, "score='high': must be a number"),
        ({"score": [1]}, "score=[1]: must be a number"),
        ({"score": 1e200}, "score=1e+200: must be within 1e+100"),
        ({"score": 10**400}, "must be within 1e+100"),
        ({"epoch": 1.5, "x": 1}, "epoch=1.5: must be a whole number"),
        ({"epoch": None, "x": 1}, "epoch=nan: must be a whole number"),
        ({"epoch": 2**54, "x": 1}, "epoch=1.80144e+16: must be a whole number of at most"),
        ({"step": 10**60, "x": 1}, "step=1e+60: must be a whole number of at most"),
        ({"epoch": -1, "x": 1}, "epoch=-1: must be 0 or more"),
        ({"a b": 1}, "'a b': must be a name without blanks, commas, colons"),
        ({"x\n": 1}, r"'x\n': must be a name"),
        ({"": 1}, "'': must be a name"),
        ({"x" * 10_000: 1}, "...: must be a name"),
        ({"status": 1}, "status: is recorded of every trial; give it another name"),
        ({"CONFIG_X": 1}, "CONFIG_X: is recorded of every trial"),
        ({"more": 1}, "more: is recorded of every trial"),
        ([1], "[1]: must be an object such as"),
    ],
)
def test_what_is_no_measure_is_one_line(given: Any, message: str) -> None:
    with pytest.raises(BadMeasureError) as caught:
        reported(given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def result(*records: Mapping[str, Any], by: str = "val_acc") -> Result:
    return reported(*records).result(by, Provenance())


def test_a_result_needs_the_measure_that_ranks() -> None:
    assert result({"val_acc": 0.5}).status == "passed"
    assert result({"score": 3}, by="score:max").status == "passed"
    missing = result({"score": 3, "other": 2})
    assert (missing.status, missing.reason, missing.measures) == ("error", "input", {})
    assert missing.message.startswith("the program reported other, score, but not val_acc, which")
    nothing = result({"epoch": 3})
    assert nothing.message.startswith("the program ended well, and reported no measure; let it")


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_numbers_that_end_not_finite_have_diverged(value: float | None) -> None:
    ended = result({"epoch": 1, "val_acc": 0.5, "train_loss": 1}, {"epoch": 2, "train_loss": value})
    assert (ended.status, ended.reason) == ("failed", "diverged")
    assert ended.message.startswith("train_loss is ")
    assert result({"score": value}, by="score:max").reason == "diverged"


def test_a_loss_that_recovers_has_not_diverged() -> None:
    assert result({"train_loss": math.nan}, {"train_loss": 1, "val_acc": 0.5}).status == "passed"


def test_an_own_measure_that_ranks_nothing_may_be_missing() -> None:
    assert result({"val_acc": 0.5, "gap": math.nan}).status == "passed"


def test_an_attempt_that_goes_on_keeps_the_epochs_before_it() -> None:
    earlier = [
        {"epoch": 1, "val_acc": 0.1},
        {"epoch": 2, "val_acc": 0.2},
        {"epoch": 3, "val_acc": 0.3},
    ]
    records = reported({"epoch": 3, "val_acc": 0.9}, earlier=earlier)
    assert [record["val_acc"] for record in records.history] == [10.0, 20.0, 90.0]
    assert records.result("val_acc", Provenance()).provenance.resumed == {"epoch": 2}
    assert records.measures()["best_epoch"] == 3


def test_an_attempt_that_begins_anew_keeps_nothing() -> None:
    records = reported(
        {"val_acc": 0.9}, earlier=[{"epoch": 1, "val_acc": 0.1}, {"epoch": 2, "x": 1}]
    )
    assert without_time(records.history) == [{"epoch": 1, "val_acc": 90.0}]
    assert records.result("val_acc", Provenance()).provenance.resumed is None


def test_nonsense_of_an_earlier_attempt_is_passed_over() -> None:
    records = reported({"epoch": 2, "x": 2}, earlier=[{"val_acc": 7}, {"epoch": 1, "x": 1}])
    assert without_time(records.history) == [{"epoch": 1, "x": 1}, {"epoch": 2, "x": 2}]


NAMES = st.sampled_from(["epoch", "val_acc", "val_loss", "score", "test_acc", "step"])
VALUES = st.one_of(st.integers(0, 4), st.floats(0, 1), st.none(), st.just(math.inf))


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=8))
def test_whatever_is_reported_is_refused_or_is_a_result(records: list[dict[str, Any]]) -> None:
    made = EpochRecords(3, clock=Clock())
    for record in records:
        try:
            made.add(record)
        except BadMeasureError:
            continue
    checked = check_result(made.result("val_acc", Provenance()))
    epochs = [record["epoch"] for record in checked.history]
    assert epochs == sorted(set(epochs))
    assert all(epoch >= 1 for epoch in epochs)
