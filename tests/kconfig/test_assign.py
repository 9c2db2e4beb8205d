"""Pins what kconfiglib does with each kind of assignment: other implementations differ."""

from __future__ import annotations

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig import assign
from espalier.kconfig.assign import DEFAULT
from espalier.kconfig.symbols import Symbols


@pytest.fixture
def symbols(tmp_path_factory: pytest.TempPathFactory) -> Symbols:
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
def test_what_takes(symbols: Symbols, name: str, value: str) -> None:
    assign.put(symbols, name, value)
    assert assign.effective(symbols, name) == value


def test_out_of_range_falls_back_to_the_default(symbols: Symbols) -> None:
    assign.put(symbols, "COUNT", "11")
    assert assign.effective(symbols, "COUNT") == "3"
    assert assign.why_invalid(symbols, "COUNT", "11") == "must be in [1, 10]"
    assign.put(symbols, "MOST", "20")
    assert assign.effective(symbols, "COUNT") == "11"


def test_inactive(symbols: Symbols) -> None:
    assign.put(symbols, "EDGE", "5")
    assert not assign.is_active(symbols, "EDGE")
    assert assign.why_inactive(symbols, "EDGE") == (
        "needs CONFIG_HAS_EDGE "
        "(which CONFIG_SHAPE_SELECT_SQUARE or CONFIG_SHAPE_SELECT_STAR brings)"
    )
    assign.put(symbols, "SHAPE", "square")
    assert (assign.is_active(symbols, "EDGE"), assign.effective(symbols, "EDGE")) == (True, "5")
    assert assign.why_inactive(symbols, "HAS_EDGE") == "it has no prompt: other symbols set it"


def test_a_member_that_is_not_available(symbols: Symbols) -> None:
    assign.put(symbols, "PAINT", "n")
    assign.put(symbols, "SHAPE", "star")
    assert assign.effective(symbols, "SHAPE") == "round"
    assert assign.why_invalid(symbols, "SHAPE", "star") == "needs CONFIG_PAINT"
    assert not assign.is_active(symbols, "COLOR")
    assert assign.effective(symbols, "COLOR") == ""
    assert assign.why_inactive(symbols, "COLOR") == "needs CONFIG_PAINT"


def test_a_forced_symbol(symbols: Symbols) -> None:
    assign.put(symbols, "FORCER", "y")
    assign.put(symbols, "FORCED", "n")
    assert assign.effective(symbols, "FORCED") == "y"
    assert "another symbol forces it" in assign.why_invalid(symbols, "FORCED", "n")


def test_the_default_of_a_choice(symbols: Symbols) -> None:
    assign.put(symbols, "COLOR", "blue")
    assign.put(symbols, "COLOR", DEFAULT)
    assert assign.effective(symbols, "COLOR") == "red"


def test_effective_values_are_canonical_and_load_back(symbols: Symbols) -> None:
    assign.load(symbols, {"SHAPE": "star", "COLOR": "blue", "COUNT": "4"})
    config = assign.effective_config(symbols, symbols.identity)
    assert config["RATE"] == "0.1"  # its default is written 1e-1
    assert "EDGE" in config
    symbols.kconf.unset_values()
    assign.load(symbols, config)
    assert assign.effective_config(symbols, symbols.identity) == config


@pytest.mark.parametrize("config", [{"GONE": "1"}, {"SHAPE": "gone"}])
def test_a_configuration_of_another_tree_is_refused(
    symbols: Symbols, config: dict[str, str]
) -> None:
    (name, value) = next(iter(config.items()))
    with pytest.raises(UserError, match=f"^CONFIG_{name}={value}: not in this Kconfig tree; "):
        assign.load(symbols, config)
