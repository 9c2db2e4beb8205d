"""A command becomes words, in which values are text and nothing else."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.scripts.command_template import arguments, fill, find_file, names, split

HOSTILE = "'; rm -rf / # \" $(id) `id` {SEED} \\ \n | & é"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python train.py --lr {LR}", ["python", "train.py", "--lr", "0.1"]),
        ("prog a{LR}b{CONFIG_LR}c", ["prog", "a0.1b0.1c"]),
        ("prog '{{print $1}}' \"a b\" c\\ d", ["prog", "{print $1}", "a b", "c d"]),
        ("prog {{LR}} ''", ["prog", "{LR}", ""]),
        ("awk '{{ {LR} }}'", ["awk", "{ 0.1 }"]),
        ("p # {LR}", ["p", "#", "0.1"]),
    ],
)
def test_a_command_is_split_and_then_filled(text: str, words: list[str]) -> None:
    assert fill(text, {"LR": "0.1"}) == words


@settings(max_examples=100)
@given(st.text(), st.text(st.characters(exclude_characters="{}\x00"), min_size=1))
def test_a_value_is_one_word_whatever_is_in_it(value: str, word: str) -> None:
    assert fill(f"p {{X}} {shlex.quote(word)}", {"X": value}) == ["p", value, word]


def test_a_value_is_not_filled_again() -> None:
    assert fill("p {A}", {"A": HOSTILE, "SEED": "7"}) == ["p", HOSTILE]


def test_symbols_are_named_once_in_their_order() -> None:
    assert names("p {B} {A} {CONFIG_B} {{C}}") == ["B", "A"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "there is no command; write one"),
        ("  ", "there is no command"),
        ("python 'a", "a quote is not closed; close it"),
        ("{PROGRAM} a", "the first word is the program, and no value may say which one; name it"),
        ("p {lr}", "a brace stands alone; write {NAME} for a symbol, {{ and }} for braces"),
        ("p }", "a brace stands alone"),
        ("p {LR", "a brace stands alone"),
        ("p {}", "a brace stands alone"),
    ],
)
def test_what_is_no_command_is_one_line(text: str, rule: str) -> None:
    with pytest.raises(UserError) as caught:
        names(text)
    assert str(caught.value).startswith("CONFIG_SCRIPT=") and rule in str(caught.value)


def test_the_folder_may_begin_the_program() -> None:
    assert split("{SCRIPT_FOLDER}/run.sh") == ("{SCRIPT_FOLDER}/run.sh",)


def test_an_unknown_symbol_is_named() -> None:
    with pytest.raises(UserError, match=r"\{LR\} is no symbol of the trial"):
        arguments("p {LR}", {}, Path())


def test_files_below_the_folder_become_their_paths(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    for name in ("train.py", "configs/a.yaml", "data"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (tmp_path / "other.py").write_text("")
    words = arguments("python train.py configs/{X}.yaml ../other.py configs", {"X": "a"}, folder)
    expected = [str(folder / "train.py"), str(folder / "configs/a.yaml"), "../other.py", "configs"]
    assert words == ["python", *expected]


def test_a_link_that_leads_out_is_no_file_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (tmp_path / "other.py").write_text("")
    (folder / "link.py").symlink_to(tmp_path / "other.py")
    assert find_file("link.py", folder) is None


def test_files_of_own_trees_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree/defconfigs").mkdir(parents=True)
    (tmp_path / "tree/train.py").write_text("")
    monkeypatch.setenv(own_trees.VARIABLE, str(tmp_path / "tree"))
    assert find_file("train.py", tmp_path) == tmp_path / "tree/train.py"


@pytest.mark.parametrize("word", ["x" * 10_000, "a\x00b", "", ".", "/"])
def test_what_cannot_be_a_file_is_none(word: str, tmp_path: Path) -> None:
    assert find_file(word, tmp_path) is None
