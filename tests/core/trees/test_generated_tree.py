"""Knobs become symbols of a tree that is written for them, whatever their names and texts are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trees.generated_tree import Knob, write_tree
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.values import canonical

HOSTILE = r'a"b\c $(shell,exit 1) $x `id` # </script> {é} 😀'
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@pytest.fixture(autouse=True)
def _no_knobs() -> Iterator[None]:
    yield
    own_trees.use_knobs(None)


def symbols_of(*knobs: Knob, guard: str = "") -> Symbols:
    own_trees.use_knobs(write_tree(knobs, guard=guard))
    return Symbols(tree.parse())


def test_a_knob_has_the_type_of_its_default() -> None:
    knobs = [Knob("width", 32), Knob("Drop", 0.1), Knob("act", HOSTILE), Knob("flag", True)]
    symbols = symbols_of(*knobs)
    values = {name: assign.effective(symbols, name) for name in ("WIDTH", "DROP", "ACT", "FLAG")}
    assert values == {"WIDTH": "32", "DROP": "0.1", "ACT": HOSTILE, "FLAG": "y"}
    assert [symbols.kind(name) for name in values] == ["int", "float", "string", "bool"]
    assert set(values) <= set(symbols.identity) and set(values) <= set(symbols.shape)
    assert not symbols.kconf.warnings


def test_a_guard_hides_knobs() -> None:
    symbols = symbols_of(Knob("width", 32), guard="TRAINER_SCRIPT")
    assert not assign.is_active(symbols, "WIDTH")
    assign.put(symbols, "TRAINER", "script")
    assert assign.is_active(symbols, "WIDTH")


@settings(max_examples=100)
@given(TEXT)
def test_every_text_is_written_so_that_kconfig_reads_it_as_it_was(default: str) -> None:
    menu = (write_tree([Knob("k", default)]) / "Kconfig").read_text(encoding="utf-8")
    text = menu.split("\tdefault ")[1].split("\n")[0]
    assert re.fullmatch(r'"(?:[^"\\$]|\\.)*"', text)
    assert re.sub(r"\\(.)", r"\1", text[1:-1]) == default


@pytest.mark.parametrize("number", [1e-05, 3e22, -0.5, 1e300])
def test_a_float_is_read_as_it_was(number: float) -> None:
    symbols = symbols_of(Knob("k", number))
    assert assign.effective(symbols, "K") == canonical("float", repr(number))


def test_the_same_is_the_same_folder_and_holds_the_files_and_the_note() -> None:
    files = {"models/net.py": "x = 1\n", "net.bin": b"\x00\xff"}
    first = write_tree([Knob("a", 1)], files, note="of code 12\n13")
    assert write_tree([Knob("a", 1)], files, note="of code 12\n13") == first
    assert (first / "models/net.py").read_text(encoding="utf-8") == "x = 1\n"
    assert (first / "net.bin").read_bytes() == b"\x00\xff"
    assert (
        (first / "Kconfig").read_text(encoding="utf-8").startswith("# of code 12\n# 13\nconfig A\n")
    )
    others = [write_tree([Knob("a", 2)], files), write_tree([Knob("a", 1)])]
    assert len({first, *others}) == 3
    assert not [path for path in first.parent.iterdir() if path.name.startswith(".")]


def test_without_a_cache_a_tree_goes_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    assert (write_tree([Knob("a", 1)]) / "Kconfig").is_file()


@pytest.mark.parametrize(
    ("knobs", "error"),
    [
        ([Knob("2x", 1)], "'2x': must be letters, digits and _, a letter first; rename it"),
        ([Knob("a-b", 1)], "'a-b': must be letters"),
        ([Knob("", 1)], "'': must be letters"),
        ([Knob("a\nb", 1)], r"'a\nb': must be letters"),
        ([Knob("Lr", 1), Knob("lR", 2)], "lR: stands twice, as Lr; keep one of them"),
        ([Knob("a", "x\ny")], r"a='x\ny': must be one line without control characters"),
        ([Knob("a", 2**53 + 1)], "a=9007199254740993: must be an integer of at most"),
    ],
)
def test_what_makes_no_symbol_is_refused(knobs: list[Knob], error: str) -> None:
    with pytest.raises(UserError) as caught:
        write_tree(knobs)
    assert str(caught.value).startswith(error) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["learning_rate", "optimizer", "Model"])
def test_a_knob_that_is_a_symbol_or_a_choice_already_is_refused(name: str) -> None:
    own_trees.use_knobs(write_tree([Knob(name, 0.1)]))
    error = rf"^CONFIG_SCRIPT_KNOBS: {name.upper()} is a symbol already \([\w/.]*Kconfig[\w.]*:\d+"
    with pytest.raises(UserError, match=error):
        tree.parse()


def test_knobs_are_no_code_and_no_tree_that_a_user_has_named() -> None:
    before = revision.sources()
    own_trees.use_knobs(write_tree([Knob("width", 32)]))
    revision.sources.cache_clear()
    assert (revision.trees(), revision.sources()) == (None, before)
    assert own_trees.external() == (own_trees.knobs(),) and own_trees.named() == ()
    own_trees.use("")
    assert own_trees.external() == ()


def test_all_knobs_share_a_folder_of_generated_fragments() -> None:
    labels = set()
    for number in range(2):
        own_trees.use_knobs(write_tree([Knob("width", number)]))
        labels.add(own_trees.label())
    own_trees.use_knobs(None)
    assert len(labels) == 1 and own_trees.label() not in labels
