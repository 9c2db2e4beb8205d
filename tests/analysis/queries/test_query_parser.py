"""The parser of queries: what it reads, that it reads what is printed, and where it stops."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.analysis.queries.query_parser import DEEPEST, LONGEST, QueryError, parse_query
from espalier.analysis.queries.query_tree import (
    Both,
    Either,
    Not,
    Query,
    QueryComparison,
    number_in,
)

RIGL = QueryComparison("PRUNING_METHOD", "=", "rigl")
NAMING = "must name a symbol or a measure, as in PRUNING_METHOD=rigl or val_acc>97"
GOOD = QueryComparison("val_acc", ">", "97")
SMALL = QueryComparison("MLP_WIDTH", "<=", "64")

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True).map(
    lambda name: re.sub("(CONFIG_)+(?=[A-Za-z_])", "", name)
)
words = st.text(st.characters(exclude_characters="\"'&|!()<>=~", exclude_categories=["Z", "C"]))
texts = st.text(max_size=12)


@st.composite
def leaves(draw: st.DrawFn) -> QueryComparison:
    operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~"]))
    if draw(st.booleans()):
        return QueryComparison(draw(names), operator, draw(texts), True)
    number = st.floats(-1e9, 1e9, allow_nan=False).map(str)
    plain = number if operator[0] in "<>" else words.filter(bool)
    return QueryComparison(draw(names), operator, draw(plain))


queries: st.SearchStrategy[Query] = st.recursive(
    leaves(),
    lambda inner: inner.map(Not) | st.builds(Both, inner, inner) | st.builds(Either, inner, inner),
    max_leaves=12,
)


@given(queries)
def test_a_printed_query_is_read_as_itself(query: Query) -> None:
    text = str(query)
    if len(text) <= LONGEST:
        assert parse_query(text) == query


@given(st.text(max_size=80) | st.text("ab=<>!~&|()\"'\\ 1.", max_size=40))
def test_any_text_is_a_query_or_an_error_with_its_place(text: str) -> None:
    try:
        query = parse_query(text)
    except QueryError as error:
        assert 0 <= error.place <= len(text)
        line = str(error)
        assert line.startswith(f"Q, character {error.place + 1}: must ")
        assert len(line.splitlines()) == 1
        assert line.isprintable() or any(not sign.isprintable() for sign in text)
    else:
        assert parse_query(str(query)) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("PRUNING_METHOD=rigl", RIGL),
        ("  CONFIG_PRUNING_METHOD == rigl ", RIGL),
        ("PRUNING_METHOD=rigl & val_acc>97", Both(RIGL, GOOD)),
        ("PRUNING_METHOD=rigl&&val_acc>97", Both(RIGL, GOOD)),
        ("PRUNING_METHOD=rigl | val_acc>97 & MLP_WIDTH<=64", Either(RIGL, Both(GOOD, SMALL))),
        ("(PRUNING_METHOD=rigl || val_acc>97) & MLP_WIDTH<=64", Both(Either(RIGL, GOOD), SMALL)),
        ("PRUNING_METHOD=rigl & val_acc>97 & MLP_WIDTH<=64", Both(Both(RIGL, GOOD), SMALL)),
        ("PRUNING_METHOD=rigl & (val_acc>97 & MLP_WIDTH<=64)", Both(RIGL, Both(GOOD, SMALL))),
        ("!PRUNING_METHOD=rigl & val_acc>97", Both(Not(RIGL), GOOD)),
        ("!(PRUNING_METHOD=rigl & val_acc>97)", Not(Both(RIGL, GOOD))),
        ("!!val_acc>97", Not(Not(GOOD))),
        ("CONFIG_CONFIG_MLP_WIDTH<=64", SMALL),
        ("CONFIG_.5=1", QueryComparison("CONFIG_.5", "=", "1")),
        ('note~"a & b"', QueryComparison("note", "~", "a & b", True)),
        (r"note='it\'s'", QueryComparison("note", "=", "it's", True)),
        ("MLP_WIDTHS=64,32", QueryComparison("MLP_WIDTHS", "=", "64,32")),
        ("LR=1e-3", QueryComparison("LR", "=", "1e-3")),
    ],
)
def test_what_is_read(text: str, query: Query) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", f"1: {NAMING}, at ^ in ^"),
        ("val_acc", "8: must have one of = != < <= > >= ~ after val_acc, at ^ in val_acc^"),
        ("val_acc>", "9: must have a value after >, or a text in quotes, at ^ in val_acc>^"),
        ("val_acc>97%", "9: must be a number after >, or a text in quotes, at ^ in val_acc>^97%"),
        ("(A=1", "5: must have ) here, or & or |, at ^ in (A=1^"),
        ("A=1 B=2", "5: must end here, or go on with & or |, at ^ in A=1 ^B=2"),
        ("A=1)", "4: must end here, or go on with & or |, at ^ in A=1^)"),
        ('A="b', '3: must have another " to end the text, at ^ in A=^"b'),
        ("A=1 & ", f"6: {NAMING}, at ^ in A=1 &^ "),
        ("7=7", f"1: {NAMING}, at ^ in ^7=7"),
    ],
)
def test_where_it_stops(text: str, line: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert str(caught.value) == f"Q, character {line}"


@pytest.mark.parametrize("sign", ["(", "!"])
def test_a_query_is_of_a_bounded_depth_and_length(sign: str) -> None:
    inner = sign * (DEEPEST - 1) + "A=1" + ")" * (DEEPEST - 1) * (sign == "(")
    assert parse_query(inner)
    with pytest.raises(QueryError, match="nested 50 deep at most"):
        parse_query(sign + inner)
    with pytest.raises(QueryError, match=r"1,000 characters at most, at \^ in \.\.\."):
        parse_query("A=1 & " * LONGEST)
    chain = " & ".join(["A=1"] * 160)
    assert parse_query(chain).holds(lambda name: ["1"])


def test_numbers_are_finite() -> None:
    assert [number_in(text) for text in ("1", "-.5", "2.", "1e3", "1e999", "nan", "1_0", "٣")] == [
        *[1.0, -0.5, 2.0, 1000.0, None, None, None, None]
    ]
