from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from tracked_runs import START, bare_run, hostile_run, plain_run

from espalier.report.exports.tracked_run import (
    RunPoint,
    TrackedRun,
    differences,
    points,
    samples,
    typed_value,
)


@pytest.mark.parametrize("run", [plain_run(), hostile_run(2), bare_run(3)], ids=lambda r: r.name)
def test_a_run_goes_through_json_and_through_series(run: TrackedRun) -> None:
    read = TrackedRun.from_json(json.loads(json.dumps(run.as_json())))
    assert differences(run, read) == []
    assert differences(run, replace(run, history=points(samples(run)))) == []


def test_every_difference_is_named() -> None:
    run = plain_run()
    history = (run.history[0], RunPoint(20, START + 1001, {"epoch": 2, "val_acc": 95.8}))
    other = replace(run, status="failed", tags={}, measures={"val_acc": 95.7}, history=history)
    assert differences(run, other) == [
        "status: 'passed' was written, 'failed' was read",
        "tag trial_id: '000000000001' was written, nothing was read",
        "measure test_acc: 94.0 was written, nothing was read",
        "measure parameters: 4810 was written, nothing was read",
        f"history 1 time: {START + 1000} was written, {START + 1001} was read",
        "history 1 value val_acc: 95.7 was written, 95.8 was read",
        "history 1 value val_loss: 0.30000000000000004 was written, nothing was read",
    ]
    assert differences(run, None) == ["is not there"]


def test_what_was_not_written_is_a_difference_too() -> None:
    run = bare_run(1)
    assert differences(run, replace(run, measures={"x": 1.0})) == [
        "measure x: nothing was written, 1.0 was read"
    ]
    read = replace(run, history=plain_run().history)
    assert differences(run, read)[0] == "history: 0 was written, 2 was read"


@pytest.mark.parametrize(
    ("written", "read", "same"),
    [
        (math.nan, math.nan, True),
        (math.nan, 0.0, False),
        (math.inf, math.inf, True),
        (math.inf, 1.7976931348623157e308, False),
        (2, 2.0, True),
        (0.1, 0.10000000149011612, False),
        ("a", "a", True),
        ("NaN", math.nan, False),
        (1.0, "1.0", False),
    ],
)
def test_values_are_equal_as_floats(written: object, read: object, same: bool) -> None:
    before, after = plain_run(measures={"x": written}), plain_run(measures={"x": read})
    assert (differences(before, after) == []) is same


@pytest.mark.parametrize(
    ("text", "read", "same"),
    [
        ("n", False, True),
        ("n", 0, False),
        ("1", True, False),
        ("1", 1.0, True),
        ("1e-3", 0.001, True),
        ("1e-3", "1e-3", True),
        ("1e-3", "0.001", False),
        ("9007199254740993", 9007199254740992.0, False),
        ("mlp", "mlp", True),
    ],
)
def test_a_parameter_is_its_text_or_what_that_means(text: str, read: object, same: bool) -> None:
    before, after = plain_run(parameters={"X": text}), plain_run(parameters={"X": read})
    assert (differences(before, after) == []) is same


def test_a_whole_number_beyond_floats_stays_a_text() -> None:
    texts = ("9007199254740992", "9007199254740993", "y", "0.1", "mlp", "1e999")
    values = [9007199254740992, "9007199254740993", True, 0.1, "mlp", "1e999"]
    assert [typed_value(text) for text in texts] == values
