"""The values that a random configuration varies, on a small tree."""

from __future__ import annotations

import kconfiglib
import pytest

from espalier.core.errors import UserError
from espalier.kconfig import assign, randconfig
from espalier.kconfig.symbols import Symbols

TREE = """
choice SHAPE
    prompt "Shape"
    help
      Pack: may differ
config SHAPE_ROUND
    bool "Round"
config SHAPE_SQUARE
    bool "Square"
endchoice
config EDGES
    int "Edges"
    range 3 6
    default 4
    depends on SHAPE_SQUARE
    help
      Pack: may differ
config WIDE
    int "Wide"
    range 0 1000000
    default 100
    help
      Pack: may differ
config OFF
    int "Off"
    range 0 10
    default 0
    help
      Pack: may differ
config NUM_EPOCHS
    int "Epochs"
    default 20
    help
      Pack: may differ
config COMPILE
    bool "Compile"
    help
      Pack: may differ
config SHARE
    string "Share"
    default "0.5"
    help
      Pack: may differ
      Float in (0, 1]
config SCALE
    string "Scale"
    default "2"
    help
      Pack: may differ
      Float in [0, 100]
config PLACE
    bool "Place"
    help
      Identity: no
config PATH
    string "Path"
    default "data"
    help
      Pack: may differ
"""


@pytest.fixture
def symbols(tmp_path, monkeypatch) -> Symbols:
    (tmp_path / "Kconfig").write_text(TREE, encoding="utf-8")
    monkeypatch.setenv("srctree", str(tmp_path))  # noqa: SIM112
    return Symbols(kconfiglib.Kconfig("Kconfig", warn_to_stderr=False))


def drawn(symbols: Symbols, seed: int) -> dict[str, str]:
    symbols.kconf.unset_values()
    randconfig.randomise(symbols, seed)
    return assign.effective_config(symbols, [*symbols.identity, *symbols.settings])


def test_choices_come_up_and_numbers_stay_around_their_defaults(symbols):
    configs = [drawn(symbols, seed) for seed in range(500)]
    assert {config["SHAPE"] for config in configs} == {"round", "square"}
    assert {config.get("EDGES") for config in configs} == {None, "3", "4", "5"}
    assert all(("EDGES" in config) == (config["SHAPE"] == "square") for config in configs)
    assert {config["WIDE"] for config in configs} == {str(n) for n in range(80, 126)}
    shares = [float(config["SHARE"]) for config in configs]
    assert len(set(shares)) > 100
    assert all(0.4 <= share <= 0.625 for share in shares)
    assert all(1.6 <= float(config["SCALE"]) <= 2.5 for config in configs)


def test_a_run_is_never_shorter_and_what_is_off_stays_off(symbols):
    configs = [drawn(symbols, seed) for seed in range(50)]
    assert {config["OFF"] for config in configs} == {"0"}
    epochs = {int(config["NUM_EPOCHS"]) for config in configs}
    assert epochs == {20, 21, 22, 23, 24, 25}


def test_paths_settings_and_the_machine_keep_their_values(symbols):
    for seed in range(20):
        config = drawn(symbols, seed)
        assert (config["PLACE"], config["PATH"], config["COMPILE"]) == ("n", "data", "n")


def test_what_does_not_fit_is_drawn_again(symbols):
    def square(config):
        return config["SHAPE"] == "square"

    for seed in range(10):
        randconfig.randomise(symbols, seed, square)
        assert assign.effective(symbols, "SHAPE") == "square"
    with pytest.raises(UserError, match="KCONFIG_SEED=3: none of 1000 configurations can be"):
        randconfig.randomise(symbols, 3, lambda config: False)


def test_a_seed_is_a_configuration(symbols):
    assert drawn(symbols, 3) == drawn(symbols, 3)
    assert drawn(symbols, 3) != drawn(symbols, 4)


def test_seeds_are_numbers():
    assert (randconfig.seed("42"), randconfig.seed("0x2a")) == (42, 42)
    assert 0 <= randconfig.seed("") < 2**32
    with pytest.raises(UserError, match="KCONFIG_SEED=many: must be a whole number"):
        randconfig.seed("many")
