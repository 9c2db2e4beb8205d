from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.scripts.epoch_records import BadMeasureError
from espalier.scripts.programs.output_pattern import OutputPattern, compile_pattern

USUAL = r"Epoch (?P<epoch>\d+)|loss=(?P<val_loss>\S+) acc=(?P<val_acc>\S+)"


def matches(text: str | bytes, pattern: str = USUAL) -> list[dict[str, float]]:
    search = OutputPattern(compile_pattern(pattern))
    data = text.encode() if isinstance(text, str) else text
    return [*search.feed(data), *search.finish()]


def test_each_line_is_searched_and_an_alternative_has_groups_of_its_own() -> None:
    text = "Epoch 1\nnoise\nloss=0.5 acc=91.2%\nEpoch 2\nloss=0.25 acc=9120/10000"
    assert matches(text) == [
        {"epoch": 1},
        {"val_loss": 0.5, "val_acc": pytest.approx(0.912)},
        {"epoch": 2},
        {"val_loss": 0.25, "val_acc": 0.912},
    ]


def test_a_line_may_have_several_matches_and_a_bar_redraws_its_line() -> None:
    assert matches("loss=1 acc=0 loss=2 acc=1", r"loss=(?P<val_loss>\d)") == [
        {"val_loss": 1},
        {"val_loss": 2},
    ]
    assert matches("Epoch 1\rEpoch 2\r\nEpoch 3\n") == [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}]


def test_colours_of_a_terminal_are_left_out() -> None:
    assert matches("loss=\x1b[1;31m0.5\x1b[0m acc=1\n") == [{"val_loss": 0.5, "val_acc": 1}]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "NaN"])
def test_numbers_that_are_none_are_passed_on(text: str) -> None:
    (record,) = matches(f"loss={text} acc=1")
    assert str(record["val_loss"]) == text.lower()


@pytest.mark.parametrize("text", ["high", "1/0", "1/x", "%", "1,5"])
def test_a_group_without_a_number_is_one_line(text: str) -> None:
    with pytest.raises(BadMeasureError, match=re.escape(f"(?P<val_loss>...) holds '{text}': must")):
        matches(f"loss={text} acc=1")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "must be a regular expression (missing"),
        ("acc=([0-9.]+)", "must have a group with the name of a measure"),
        (r"(?P<epoch>\d+)", "must have a group with the name of a measure"),
    ],
)
def test_what_is_no_pattern_is_one_line(pattern: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        compile_pattern(pattern)
    assert str(caught.value).startswith(f"CONFIG_SCRIPT_PATTERN={pattern}: ")
    assert message in str(caught.value)


def test_a_line_without_end_takes_little_memory() -> None:
    search = OutputPattern(compile_pattern(USUAL))
    for _ in range(40):
        assert list(search.feed(b"x" * 10_000)) == []
    assert len(search._rest) <= 1 << 14
    assert list(search.feed(b"\nloss=1 acc=1\n")) == [{"val_loss": 1, "val_acc": 1}]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=10), st.binary(max_size=60))
def test_how_output_is_cut_into_pieces_changes_nothing(cuts: list[int], noise: bytes) -> None:
    data = b"Epoch 1\n" + noise.replace(b"loss", b"") + b"\nloss=0.5 acc=50%\nEpoch 2"
    search, pieces = OutputPattern(compile_pattern(USUAL)), []
    rest, sizes = data, cuts * len(data)
    for size in sizes:
        pieces += search.feed(rest[:size])
        rest = rest[size:]
    assert [*pieces, *search.finish()] == matches(data)
