"""What `make randconfig` draws can be planned, so that `make` trains it."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.commands import config
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
