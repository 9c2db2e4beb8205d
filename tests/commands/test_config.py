"""What `make randconfig` draws can be planned, so that `make` trains it."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.__main__ import main
from espalier.commands import config
from espalier.core.trees import own_trees
from espalier.kconfig import assign, randconfig, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning


def test_every_seed_draws_what_the_planner_takes() -> None:
    symbols, fits = Symbols(tree.parse()), config._plannable()
    models, methods = set(), set()
    for seed in range(50):
        randconfig.randomise(symbols, seed, fits)
        drawn = assign.effective_config(symbols, symbols.identity)
        assert (drawn["DATASET"], drawn["DEVICES_PER_TRIAL"], drawn["AMP"]) == (
            "digits",
            "1",
            "off",
        )
        models.add(drawn["MODEL"])
        methods.add(drawn["PRUNING_METHOD"])
    assert len(models) > 6 and len(methods) > 12


def test_the_file_of_a_seed_is_one_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".config"
    monkeypatch.setenv("KCONFIG_CONFIG", str(path))
    monkeypatch.setenv("KCONFIG_SEED", "7")
    assert config.command(["randconfig"], standalone_mode=False) == 0
    first = path.read_bytes()
    assert len(planning.plan_from_config(path).trials) == 1
    assert config.command(["randconfig"], standalone_mode=False) == 0
    assert path.read_bytes() == first


def test_knobs_of_a_script_are_symbols_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    knobs = 'CONFIG_TRAINER=script\nCONFIG_SCRIPT_KNOBS="width=3 rate=0.1"\nCONFIG_WIDTH=5\n'
    file.write_text(knobs, encoding="utf-8")
    monkeypatch.setenv("KCONFIG_CONFIG", str(file))
    assert main(["olddefconfig"]) == 0
    lines = file.read_text(encoding="utf-8").splitlines()
    assert "CONFIG_WIDTH=5" in lines and 'CONFIG_RATE="0.1"' in lines
    own_trees.use_knobs(None)
