from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.kconfig import range_file
from espalier.kconfig.line_faults import Faults


def values(right: str) -> list[str]:
    (setting,) = range_file.parse(f"CONFIG_X={right}", "f")
    return list(setting.values)


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("0.999", ["0.999"]),
        ('"0.7"', ["0.7"]),
        ("7800|11700  # Epoch 20 or 30", ["7800", "11700"]),
        ("y|n", ["y", "n"]),
        (" y".strip() + "   # comment", ["y"]),
        ("a | b |c", ["a", "b", "c"]),
        ('"a|b"', ["a|b"]),
        ('"a"|"b"', ["a", "b"]),
        ('"a" | b', ["a", "b"]),
        ('"a # b"', ["a # b"]),
        ('"0.1:0.1:0.3"', ["0.1:0.1:0.3"]),
        (r'"say \"hi\" \\"', [r'say "hi" \\'[:-1]]),
        ('""', [""]),
        ("1:1:3|9", ["1", "2", "3", "9"]),
        ("1|10:*10:1000|5", ["1", "10", "100", "1000", "5"]),
        ("http://host:80/x", ["http://host:80/x"]),
        ("0x1F", ["0x1F"]),
        ("a=b", ["a=b"]),
    ],
)
def test_values(right: str, expected: list[str]) -> None:
    assert values(right) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CONFIG_X=1:0:3", "f:1: CONFIG_X=1:0:3: the step must not be 0"),
        ("\n\nCONFIG_X=3:1:1 # c", "f:3: CONFIG_X=3:1:1 # c: the range is empty: a step of 1"),
        ("CONFIG_X = 3", "f:1: CONFIG_X = 3: no spaces are allowed before or after '='"),
        ("CONFIG_X= 3", "f:1: CONFIG_X= 3: no spaces are allowed before or after '='"),
        ("FOO=1", "f:1: FOO=1: expected CONFIG_NAME=value"),
        ("config_seed=1", "a comment; did you mean CONFIG_SEED=1?"),
        ("CONFIG_X", "f:1: CONFIG_X: expected CONFIG_NAME=value"),
        ("CONFIG_X=", 'a value is missing; write "" for an empty text'),
        ("CONFIG_X=y|", "a value is missing"),
        ("CONFIG_X=|y", "a value is missing"),
        ("CONFIG_X=# y", "a value is missing"),
        ('CONFIG_X="a', "the quote is not closed"),
        ('CONFIG_X="a"b', "a quote belongs around a whole element"),
        ('CONFIG_X=a"b"', "a quote belongs around a whole element"),
    ],
)
def test_errors_are_one_line_with_a_place(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        range_file.parse(text, "f")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_set_comments_and_places() -> None:
    text = "# a comment\n\n  CONFIG_A=1  \n# CONFIG_B is not set\n# CONFIG_C=3\n"
    first, second = range_file.parse(text, "f")
    assert (first.symbol, first.values, str(first.place)) == ("A", ("1",), "f:3")
    assert (second.symbol, second.values, str(second.place)) == ("B", ("n",), "f:4")


def test_files_of_other_systems(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"\xef\xbb\xbfCONFIG_A=1\r\nCONFIG_B=y|n\r\n")
    assert [s.values for s in range_file.read(path)] == [("1",), ("y", "n")]
    path.write_bytes(b"# one\r\n\rCONFIG_A=\xff\n")
    with pytest.raises(UserError, match=r"/r:3: byte 0xff is not UTF-8; save the file as UTF-8"):
        range_file.read(path)
    with pytest.raises(UserError, match="No such file"):
        range_file.read(tmp_path / "absent")


texts = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)


@given(st.lists(texts, min_size=1, max_size=5))
def test_quoted_literals_come_back_whole(items: list[str]) -> None:
    assert values("|".join(map(range_file.quote, items))) == items


@given(st.lists(texts.filter(lambda text: not text.endswith("\\")), min_size=1, max_size=5))
def test_a_backslash_before_anything_else_is_a_backslash(items: list[str]) -> None:
    plain = [item.replace("\\\\", "/").replace('"', "'") for item in items]  # no pair, no quote
    assert values("|".join(f'"{item}"' for item in plain)) == plain


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        range_file.parse(text, "f")
    except UserError as error:
        assert all(line.startswith("f:") for line in error.lines)


def assignments(text: str) -> dict[str, list[str]]:
    faults = Faults()
    settings = range_file.parse_assignments(text, "SET", faults)
    faults.check()
    return {setting.symbol: list(setting.values) for setting in settings}


def test_assignments_stand_between_blanks() -> None:
    text = ' LEARNING_RATE=0.1|0.2\tCONFIG_NUM_EPOCHS=5\n TEXT="a b"|"c \\" d" SEED=1:1:3 EMPTY=""'
    assert assignments(text) == {
        "LEARNING_RATE": ["0.1", "0.2"],
        "NUM_EPOCHS": ["5"],
        "TEXT": ["a b", 'c " d'],
        "SEED": ["1", "2", "3"],
        "EMPTY": [""],
    }
    assert assignments("  ") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SEED=1 NUM_EPOCHS", "SET:2: CONFIG_NUM_EPOCHS: expected CONFIG_NAME=value"),
        ("SEED= 1", "SET:1: CONFIG_SEED=: a value is missing"),
        ("SEED=1:0:3", "SET:1: CONFIG_SEED=1:0:3: "),
        ('TEXT="a b', 'SET:1: CONFIG_TEXT="a: the quote is not closed'),
    ],
)
def test_a_malformed_assignment_is_named_by_its_place(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        assignments(text)
    assert caught.value.lines[0].startswith(said)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z_0-9]{0,8}", fullmatch=True), texts, max_size=4))
def test_assignments_of_quoted_texts_come_back_whole(values: dict[str, str]) -> None:
    text = " ".join(f"{name}={range_file.quote(value)}" for name, value in values.items())
    assert assignments(text) == {name: [value] for name, value in values.items()}


@given(st.text(max_size=60))
def test_any_text_is_assignments_or_refused_by_place(text: str) -> None:
    try:
        assignments(text)
    except UserError as error:
        assert all(line.startswith("SET:") for line in error.lines)


def test_every_malformed_line_is_told() -> None:
    with pytest.raises(UserError) as caught:
        range_file.parse("CONFIG_A=1\nFOO=1\n\nCONFIG_B = 2\nCONFIG_C=", "f")
    assert [line[:4] for line in caught.value.lines] == ["f:2:", "f:4:", "f:5:"]


def test_very_long_lines_are_shown_in_part_and_hold_only_so_many_values() -> None:
    for line in ("CONFIG_X=" + "|1:1:99999" * 500, "CONFIG_X=" + "|".join(["1:1:99999"] * 500)):
        with pytest.raises(UserError) as caught:
            range_file.parse(line, "f")
        assert len(str(caught.value)) < 300
    assert str(caught.value).endswith("...: too many values; at most 100000 are allowed")


def test_few_of_very_many_faults_are_shown() -> None:
    with pytest.raises(UserError) as caught:
        range_file.parse("FOO\n" * 999_999, "f")
    assert len(caught.value.lines) == 101
    assert caught.value.lines[-1] == "and more; correct these first"


@pytest.mark.parametrize(
    ("line", "symbols"),
    [
        ("# CONFIG_X is not set  # only high ones", ["X"]),
        ("# CONFIG_X is not set\t", ["X"]),
        ("# CONFIG_X is not set, by default", ["X"]),
        ("# CONFIG_X is not settled", []),
        ("#CONFIG_X is not set", []),
        ("#  CONFIG_X is not set", []),
        ("#\tCONFIG_X is not set", []),
        ("## CONFIG_X is not set", []),
        ("# CONFIG_X  is not set", []),
        ("# CONFIG_X=y is not set", []),
        ("# Here CONFIG_X is not set", []),
    ],
)
def test_a_symbol_is_off_where_other_readers_say_so(line: str, symbols: list[str]) -> None:
    settings = range_file.parse(line, "f")
    assert [(s.symbol, s.values) for s in settings] == [(name, ("n",)) for name in symbols]


@pytest.mark.parametrize("end", list("\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
def test_only_newlines_and_returns_end_a_line(end: str) -> None:
    settings = range_file.parse(f"# page{end}CONFIG_SEED=5\rCONFIG_A=1\n", "f")
    assert [(s.symbol, s.place.line) for s in settings] == [("A", 2)]
    with pytest.raises(UserError, match="^f:1: "):
        range_file.parse(f"{end}CONFIG_SEED=5", "f")
