"""The words of symbols and measures, from the tree, from a user, or from the name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.core.measures import LIVE_PARAMETERS, VAL_ACC, VAL_LOSS
from espalier.report.figures.axis_names import AxisNames, check_labels, parse_labels

NAMES = AxisNames()
NAMED = ["val_acc"]


def test_a_symbol_is_called_by_its_prompt_with_its_unit() -> None:
    assert NAMES.symbol("TARGET_SPARSITY") == "Target sparsity (share of weights)"
    assert NAMES.short("TARGET_SPARSITY") == "Target sparsity"
    # what a prompt says of the value 0 is no unit
    assert NAMES.symbol("MLP_WIDTH") == "Width of a hidden layer (units)"
    assert NAMES.symbol("NUM_EPOCHS") == "Epochs"
    assert NAMES.symbol("OF_NO_TREE") == "Of no tree"


def test_a_measure_is_called_by_its_label_with_its_unit() -> None:
    assert NAMES.measure(VAL_ACC) == "Validation accuracy (%)"
    assert NAMES.measure(VAL_LOSS) == "Validation loss (nats)"
    assert NAMES.measure(LIVE_PARAMETERS) == "Live parameters"


def test_series_are_called_by_words() -> None:
    assert NAMES.series({"PRUNING_METHOD": "rigl"}) == "Method: rigl"
    values = {"PRUNING_METHOD": "state", "ADV_USE_AMSGRAD": "y", "BLOCKS_SIZES": '""'}
    assert NAMES.series(values) == "Method: state, AMSGrad: yes, Hidden layers: (empty)"
    assert NAMES.series({}) == "all"


def test_a_user_s_words_win() -> None:
    names = AxisNames(parse_labels("val_acc=Accuracy of $x^$; CONFIG_TARGET_SPARSITY = Zeros = %"))
    assert names.measure(VAL_ACC) == "Accuracy of $x^$"
    assert names.symbol("TARGET_SPARSITY") == names.short("TARGET_SPARSITY") == "Zeros = %"


@pytest.mark.parametrize("text", ["val_acc", "=Accuracy", "val_acc=", "a=1;val_acc;b=2"])
def test_what_is_no_label_is_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"LABELS=[^;]*: must be name=words, as in val_acc="):
        parse_labels(text)


def test_two_labels_of_one_name_are_one_line() -> None:
    with pytest.raises(UserError, match="LABELS=CONFIG_A=2: A has a label already"):
        parse_labels("A=1;CONFIG_A=2")


def test_a_label_of_what_is_not_there_is_one_line_with_what_is() -> None:
    check_labels({"MODEL": "Net", "LR": "Rate", "val_acc": "Acc"}, {"MODEL", "LR"}, ["LR"], NAMED)
    with pytest.raises(UserError) as error:
        check_labels({"val_axc": "Acc"}, {"MODEL", "LR"}, ["LR"], ["val_acc"])
    assert str(error.value) == (
        "LABELS=val_axc=Acc: no trial has val_axc; did you mean val_acc? "
        "the sweep varies LR, and trials have val_acc"
    )


WORDS = st.text(
    st.characters(exclude_characters=";=", exclude_categories=["C", "Z"]), min_size=1, max_size=9
)


@given(st.dictionaries(WORDS, WORDS, max_size=3))
def test_labels_are_read_as_they_are_written(labels: dict[str, str]) -> None:
    assert parse_labels(";".join(f"{name}={words}" for name, words in labels.items())) == labels
