"""Names, notes and tags: what they may be, and that they identify nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.plan.plan import read_plan, write_plan
from espalier.plan.planning import plan_from_files
from espalier.plan.sweep_naming import (
    UNNAMED,
    SweepNaming,
    naming_lines,
    naming_of,
    read_name,
    read_note,
    read_tags,
    shorten_value,
)

FORM = "must be letters a-z, digits, and . _ - between them, 60 at most"


@pytest.mark.parametrize("name", ["a", "first-try", "v1.2_b", "9", "A" * 60])
def test_names_of_a_folder(name: str) -> None:
    assert read_name(name) == name
    assert read_tags(f"x, {name},x,{name}") == ["x", name]


@pytest.mark.parametrize(
    "name",
    ["", " ", "..", "../x", "/x", "a/b", "a\\b", "-a", "a-", ".a", "a b", "a,b", "a\n", "\x1b[1m"]
    + ["$(touch x)", "é", "A" * 61, "<b>", "a\0b", "٣"],
)
def test_what_no_folder_is_called(name: str) -> None:
    with pytest.raises(UserError) as caught:
        read_name(name)
    assert str(caught.value) == FORM


@given(st.text(max_size=80))
def test_a_name_is_refused_or_an_entry_of_a_folder(text: str) -> None:
    try:
        name = read_name(text)
    except UserError:
        return
    assert Path(f"sweep_{name}").name == f"sweep_{name}" and name.isascii() and name.isprintable()


def test_notes_are_one_line() -> None:
    assert [read_note(text) for text in (" why: a < b ", "none", "é" * 1000)] == [
        *["why: a < b", "", "é" * 1000]
    ]
    for text in ("a\nb", "\x1b[1m", "a" * 1001, "\u202eb"):
        with pytest.raises(UserError, match="must be one line of 1,000 characters at most"):
            read_note(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a,../b", "../b: each tag must be letters a-z"),
        ("a,none", "none: each tag must be letters a-z"),
        (",", "must be 1 to 20 tags by commas, or none"),
        (",".join(f"t{n}" for n in range(21)), "must be 1 to 20 tags by commas, or none"),
        ("x" * 999, "x" * 60 + "...: each tag must be"),
    ],
)
def test_tags_that_are_none(text: str, rule: str) -> None:
    with pytest.raises(UserError) as caught:
        read_tags(text)
    assert str(caught.value).startswith(rule)
    assert read_tags("none") == []


def test_what_is_given_stands_over_what_was_there() -> None:
    before = PlanHeader(name="a", note="b", tags=["c"])
    assert UNNAMED.over(before) == before
    assert SweepNaming(note="d").over(before) == replace(before, note="d")
    assert SweepNaming(note="", tags=[]).over(before) == replace(before, note=None, tags=None)
    assert naming_of(PlanHeader()).over(before) == PlanHeader()
    assert naming_of(before).over(PlanHeader()) == before


def test_lines_for_people_are_lines_of_their_own() -> None:
    header = PlanHeader(name="a\nb", note="\x1b[1m", tags=["c", "d"])
    assert naming_lines(header) == [r"Name: a\nb", r"Note: \x1b[1m", "Tags: c, d"]
    assert naming_lines(PlanHeader()) == []
    assert shorten_value("x" * 64) == "x" * 60 + "..."


def test_a_named_plan_is_the_same_plan(tmp_path: Path) -> None:
    (tmp_path / "range").write_text("CONFIG_SEED=1|2\n", encoding="utf-8")
    plain = plan_from_files([tmp_path / "range"])
    named = SweepNaming("first", "why", ["paper"]).over(plain)
    assert named.plan_id == plain.plan_id
    assert [trial.id for trial in named.trials] == [trial.id for trial in plain.trials]
    write_plan(named, tmp_path / "plan")
    header = read_plan(tmp_path / "plan").header()
    assert (header.name, header.note, header.tags) == ("first", "why", ["paper"])
