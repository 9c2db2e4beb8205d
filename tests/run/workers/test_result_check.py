"""What counts as a number, and what is named instead."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from espalier.core import decoding
from espalier.core.trial import Result, Status
from espalier.run.workers.result_check import (
    COUNTS,
    BadResultError,
    check_epoch,
    check_result,
)
from espalier.run.workers.worker_messages import (
    EpochMessage,
    NoMessageError,
    Over,
    ResultMessage,
    parse,
)


def passed(**measures: Any) -> Result:
    return Result(Status.PASSED, measures=measures)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (97, 97),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int64(3), 3),
        (np.array(2.0), 2.0),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 2), 0.5),
        (None, None),
    ],
)
def test_scalars_of_every_kind_are_numbers(value: Any, plain: Any) -> None:
    (checked,) = check_result(passed(val_acc=value)).measures.values()
    assert (checked, type(checked)) == (plain, type(plain)) or isinstance(value, float)
    assert json.dumps(check_epoch({"epoch": np.int64(1), "val_acc": value})["val_acc"])


def test_what_is_not_finite_stays_so() -> None:
    assert math.isnan(check_result(passed(val_acc=float("nan"))).measures["val_acc"])
    assert check_result(passed(test_loss=float("inf"))).measures["test_loss"] == math.inf


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("abc", "'abc'"),
        ("97.0", "'97.0'"),
        (True, "True"),
        ([97.0], "[97.0]"),
        ([[1.0, 2.0]], "[[1.0, 2.0]]"),
        (np.array([1.0]), "a numpy.ndarray"),
        (10**400, "a number of 1329 bits"),
        pytest.param(10**5000, "a number of 16610 bits", id="too long for text"),
        (1e200, "1e+200"),
        (1j, "a builtins.complex"),
        ("x" * 1000, "'" + "x" * 59 + "..."),
    ],
)
def test_what_is_no_number_is_named_with_its_measure(value: Any, shown: str) -> None:
    for name in ("val_acc", "mean_val_loss", "final_sparsity"):
        with pytest.raises(BadResultError) as error:
            check_result(passed(**{name: value}))
        assert str(error.value).startswith(f"{name}={shown}: must be ")


@pytest.mark.parametrize(
    "result",
    [
        None,
        {"status": "passed"},
        Result(Status.RUNNING),
        Result("done"),  # type: ignore[arg-type]
        Result(Status.PASSED, measures=[1]),  # type: ignore[arg-type]
        Result(Status.PASSED, measures={("a", "b"): 1}),  # type: ignore[dict-item]
        Result(Status.PASSED, history="epochs"),  # type: ignore[arg-type]
        Result(Status.PASSED, history=[1]),  # type: ignore[list-item]
        Result(Status.PASSED, history=[{"epoch": 1.5}]),
        Result(Status.PASSED, provenance={}),  # type: ignore[arg-type]
        passed(other={1, 2}),
        passed(other=[10**400]),
    ],
)
def test_what_is_no_result_is_refused(result: Any) -> None:
    with pytest.raises(BadResultError):
        check_result(result)


def test_a_message_is_one_line_that_every_file_can_hold() -> None:
    checked = check_result(Result(Status.ERROR, "odd", "caf\udce9\n  two " + "x" * 5000))
    assert checked.message.startswith("caf\\udce9 two xxx")
    assert len(checked.message) < 2010


def test_whole_numbers_of_an_epoch_may_come_as_floats() -> None:
    assert check_epoch({"epoch": 1.0, "step": 200.0}) == {"epoch": 1, "step": 200}


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_that_no_store_reads_again_is_refused(name: str) -> None:
    assert decoding.epoch(check_epoch({name: 2**53})) == {name: 2**53}
    for value in (2**53 + 2, 1e30, -(10**90)):
        with pytest.raises(BadResultError, match=f"{name}=.*: must be at most {2**53}"):
            check_epoch({name: value})


def test_a_large_whole_number_is_kept_as_a_float() -> None:
    assert decoding.epoch(check_epoch({"train_loss": 10**90})) == {"train_loss": 1e90}
    result = check_result(passed(steps=10**90))
    assert decoding.result(result.as_json()).measures == {"steps": 1e90}


def test_messages_of_a_worker() -> None:
    assert parse(b'{"over": 3}') == Over(3)
    assert parse(b'{"trial": 1, "progress": {"epoch": 1}}') == EpochMessage(1, {"epoch": 1})
    message = parse(b'{"trial": 1, "result": {"status": "passed", "measures": {"val_acc": "x"}}}')
    assert isinstance(message, ResultMessage)
    assert (message.result.status, message.result.reason) == ("error", "result")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"5",
        b'["ready"]',
        b"[" * 100_000,
        b"9" * 5000,
        b'{"trial": 1}',
        b'{"trial": [], "progress": {}}',
        b'{"trial": 1, "progress": []}',
        b'{"trial": 1, "result": "passed"}',
        b'{"trial": 1, "result": {"status": "done"}}',
        b'{"trial": 1, "result": {"status": "passed", "colour": 1}}',
        b'{"trial": 1, "result": {"status": "passed", "provenance": 1}}',
        b'{"trial": 1, "result": {"status": "passed", "provenance": {"code": 1}}}',
    ],
)
def test_whatever_else_is_in_the_pipe_is_no_message(line: bytes) -> None:
    with pytest.raises(NoMessageError, match=r"^it wrote b.* where records belong"):
        parse(line)
