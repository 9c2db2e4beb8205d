"""Pins what kconfiglib does with each kind of assignment: other implementations differ."""

from __future__ import annotations

import pytest
import toy

from espalier.kconfig import assign
from espalier.kconfig.assign import DEFAULT
from espalier.kconfig.symbols import Symbols


@pytest.fixture
def known(tmp_path_factory: pytest.TempPathFactory) -> Symbols:
    return toy.symbols(tmp_path_factory.mktemp("toy"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COUNT", "7"),
        ("MASK", "0x2a"),
        ("RATE", "0.5"),
        ("LABEL", 'a "b" c'),
        ("PAINT", "n"),
        ("SHAPE", "square"),
        ("PLACE", "there"),
    ],
)
def test_what_takes(known: Symbols, name: str, value: str) -> None:
    assign.put(known, name, value)
    assert assign.effective(known, name) == value


def test_out_of_range_falls_back_to_the_default(known: Symbols) -> None:
    assign.put(known, "COUNT", "11")
    assert assign.effective(known, "COUNT") == "3"
    assert assign.why_invalid(known, "COUNT", "11") == "must be in [1, 10]"
    assign.put(known, "MOST", "20")
    assert assign.effective(known, "COUNT") == "11"


def test_inactive(known: Symbols) -> None:
    assign.put(known, "EDGE", "5")
    assert not assign.is_active(known, "EDGE")
    assert assign.why_inactive(known, "EDGE") == (
        "needs CONFIG_HAS_EDGE "
        "(which CONFIG_SHAPE_SELECT_SQUARE or CONFIG_SHAPE_SELECT_STAR brings)"
    )
    assign.put(known, "SHAPE", "square")
    assert (assign.is_active(known, "EDGE"), assign.effective(known, "EDGE")) == (True, "5")
    assert assign.why_inactive(known, "HAS_EDGE") == "it has no prompt: other symbols set it"


def test_a_member_that_is_not_available(known: Symbols) -> None:
    assign.put(known, "PAINT", "n")
    assign.put(known, "SHAPE", "star")
    assert assign.effective(known, "SHAPE") == "round"
    assert assign.why_invalid(known, "SHAPE", "star") == "needs CONFIG_PAINT"
    assert not assign.is_active(known, "COLOR")
    assert assign.effective(known, "COLOR") == ""
    assert assign.why_inactive(known, "COLOR") == "needs CONFIG_PAINT"


def test_a_forced_symbol(known: Symbols) -> None:
    assign.put(known, "FORCER", "y")
    assign.put(known, "FORCED", "n")
    assert assign.effective(known, "FORCED") == "y"
    assert "another symbol forces it" in assign.why_invalid(known, "FORCED", "n")


def test_the_default_of_a_choice(known: Symbols) -> None:
    assign.put(known, "COLOR", "blue")
    assign.put(known, "COLOR", DEFAULT)
    assert assign.effective(known, "COLOR") == "red"


def test_effective_values_are_canonical_and_load_back(known: Symbols) -> None:
    assign.load(known, {"SHAPE": "star", "COLOR": "blue", "COUNT": "4"})
    config = assign.effective_config(known, known.identity)
    assert config["RATE"] == "0.1"  # its default is written 1e-1
    assert "EDGE" in config
    known.kconf.unset_values()
    assign.load(known, config)
    assert assign.effective_config(known, known.identity) == config
