"""What a query says of a configuration: numbers with numbers, texts with texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.analysis.queries.query_parser import parse_query
from espalier.analysis.queries.query_tree import QueryComparison, Value, comparisons

HELD: dict[str, list[Value]] = {
    "PRUNING_METHOD": ["rigl"],
    "TARGET_SPARSITY": ["0.9"],
    "SEED": ["1", "2", "10"],
    "val_acc": [97.5],
    "MLP_WIDTHS": ["64,32"],
}


def holds(text: str) -> bool:
    return parse_query(text).holds(lambda name: HELD.get(name, []))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PRUNING_METHOD=rigl", True),
        ("PRUNING_METHOD=RigL", False),
        ("PRUNING_METHOD~RIG", True),
        ("PRUNING_METHOD!=rigl", False),
        ("PRUNING_METHOD!=state", True),
        ("TARGET_SPARSITY=.90", True),
        ('TARGET_SPARSITY=".90"', False),
        ('TARGET_SPARSITY="0.9"', True),
        ("TARGET_SPARSITY>0.10", True),
        ("val_acc>97", True),
        ("val_acc>=97.5", True),
        ("val_acc<97.5", False),
        ("val_acc<=97.5", True),
        ('val_acc>"9"', False),
        ("val_acc~97", False),
        ("val_acc=good", False),
        ("MLP_WIDTHS=64", False),
        ("MLP_WIDTHS=64,32", True),
        ("MLP_WIDTHS>1", False),
        ('MLP_WIDTHS>"5"', True),
        ("SEED=10", True),
        ("SEED!=10", False),
        ("SEED>9", True),
        ("SEED>10", False),
        ("ABSENT=1", False),
        ("ABSENT!=1", True),
        ("ABSENT<1", False),
        ("!ABSENT<1", True),
        ("PRUNING_METHOD=state & val_acc>97 | SEED=2", True),
        ("PRUNING_METHOD=state & (val_acc>97 | SEED=2)", False),
    ],
)
def test_what_holds(text: str, expected: bool) -> None:
    assert holds(text) is expected


@given(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~"]), st.text(max_size=5), st.booleans())
def test_unequal_is_the_opposite_of_equal(operator: str, text: str, quoted: bool) -> None:
    for values in HELD.values():
        equal, unequal = (
            QueryComparison("X", sign, text, quoted).holds(lambda name, each=values: each)  # type: ignore[misc]
            for sign in ("=", "!=")
        )
        assert equal is not unequal
    assert QueryComparison("X", operator, text, quoted).holds(lambda name: []) is (operator == "!=")


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_numbers_are_in_one_of_three_orders(value: float, limit: float) -> None:
    held = [
        QueryComparison("X", operator, str(limit)).holds(lambda name: [value])
        for operator in ("<", "=", ">")
    ]
    assert held == [value < limit, value == limit, value > limit]


def test_comparisons_stand_in_their_order() -> None:
    query = parse_query("A=1 & !(B=2 | C~x) & D>4")
    assert [(item.name, item.place) for item in comparisons(query)] == [
        *[("A", 0), ("B", 8), ("C", 14), ("D", 21)]
    ]
