"""Knobs of a command are read from a range file before the tree is parsed, and are symbols then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trees.generated_tree import Knob
from espalier.kconfig import range_file
from espalier.scripts import script_knobs


@pytest.fixture(autouse=True)
def _no_knobs() -> Iterator[None]:
    yield
    own_trees.use_knobs(None)


def test_a_default_says_what_a_knob_is() -> None:
    text = "width=32 dropout=0.1 act=relu CONFIG_FLAG=y off=n n=-3 lr=1e-3 s='a b=c' e="
    assert script_knobs.parse(text) == [
        Knob("width", 32),
        Knob("dropout", 0.1),
        Knob("act", "relu"),
        Knob("FLAG", True),
        Knob("off", False),
        Knob("n", -3),
        Knob("lr", 0.001),
        Knob("s", "a b=c"),
        Knob("e", ""),
    ]


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "0x10", "1e999", "True", "9" * 5000])
def test_what_is_no_number_here_is_a_text(text: str) -> None:
    assert script_knobs.parse(f"a={text}") == [Knob("a", text)]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("width", "CONFIG_SCRIPT_KNOBS: width: must be name=default, with blanks between knobs"),
        ("a='b", "CONFIG_SCRIPT_KNOBS=a='b: a quote is not closed; close it"),
        ("=3", "'': must be letters"),
        ("a=1 A=2", "A: stands twice, as a"),
    ],
)
def test_what_is_no_knob_is_one_line(text: str, error: str) -> None:
    with pytest.raises(UserError) as caught:
        script_knobs.use(text)
    assert str(caught.value).startswith(error)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_file_wins_and_the_command_line_over_it(tmp_path: Path) -> None:
    first = written(tmp_path, "a", 'CONFIG_SCRIPT_KNOBS="one=1"\n')
    last = written(tmp_path, "b", 'nonsense\nCONFIG_SCRIPT_KNOBS="two=2"\n')
    script_knobs.use_of_files([first, last])
    assert "config TWO" in menu()
    over = [range_file.assign("SCRIPT_KNOBS", '"three=3"', "SET")]
    script_knobs.use_of_files([first, last], over)
    assert "config THREE" in menu() and "config TWO" not in menu()


def menu() -> str:
    knobs = own_trees.knobs()
    return (knobs / "Kconfig").read_text(encoding="utf-8") if knobs else ""


def test_a_file_without_knobs_ends_those_of_another(tmp_path: Path) -> None:
    script_knobs.use("one=1")
    script_knobs.use_of_files([written(tmp_path, "a", "CONFIG_SEED=1\n")])
    assert own_trees.knobs() is None


def test_an_error_has_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "a", '\nCONFIG_SCRIPT_KNOBS="a"\n')
    with pytest.raises(UserError, match=f"^{path}:2: CONFIG_SCRIPT_KNOBS: a: must be"):
        script_knobs.use_of_files([path])


def test_settings_of_a_plan_give_them_again() -> None:
    script_knobs.use_of_settings({"SCRIPT_KNOBS": "a=1"})
    assert "config A" in menu()
    script_knobs.use_of_settings({})
    assert menu() == ""
