"""Presets and range files: found, described, and each of them usable."""

from __future__ import annotations

from pathlib import Path

import pytest

from espalier.kconfig import defconfigs, tree
from espalier.kconfig.symbols import Symbols
from espalier.sweep import expand, ranges, requests

RANGES = defconfigs.ranges()


def trials(path: Path) -> list[dict[str, str]]:
    symbols = Symbols(tree.parse())
    asked = requests.from_settings(symbols, ranges.read(path))
    return list(expand.expand(symbols, asked, None, True).configs.values())


@pytest.mark.parametrize("path", RANGES, ids=lambda path: path.name)
def test_every_range_file_expands(path):
    assert len(trials(path)) > 1


@pytest.mark.parametrize("path", defconfigs.paths(), ids=lambda path: path.name)
def test_every_file_describes_itself_in_a_line(path):
    assert 20 <= len(defconfigs.description(path)) <= 98
    assert f"- {defconfigs.description(path)}" in defconfigs.listing()


def test_the_quick_start_is_twelve_configurations_with_three_seeds():
    found = trials(Path(defconfigs.ROOT, "defconfigs", "digits-adamwprune-range"))
    assert len(found) == 36
    assert {config["SEED"] for config in found} == {"1", "2", "3"}
    assert len({tuple(sorted((config | {"SEED": ""}).items())) for config in found}) == 12


def test_the_comparison_of_methods_is_fair():
    """Trials of one seed differ only in the method, what belongs to it, and its optimizer."""
    found = trials(Path(defconfigs.ROOT, "defconfigs", "digits-methods-range"))
    shared = ["MODEL", "DATASET", "NUM_EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LR_SCHEDULE"]
    assert len({tuple(config[name] for name in shared) for config in found}) == 1
    pruned = [config for config in found if config["PRUNING_METHOD"] != "none"]
    schedule = [
        name for name in pruned[0] if name.startswith("PRUNING_") and name != "PRUNING_METHOD"
    ]
    assert len({tuple(config[name] for name in schedule) for config in pruned}) == 1
    own = {"beta": set(), "decay": set(), "epsilon": set()}
    for config in found:
        prefix = config["OPTIMIZER"].upper()
        own["beta"].add((config[f"{prefix}_BETA1"], config[f"{prefix}_BETA2"]))
        own["decay"].add(config[f"{prefix}_WEIGHT_DECAY"])
        own["epsilon"].add(config[f"{prefix}_EPSILON"])
    assert {len(values) for values in own.values()} == {1}


def test_a_switched_off_symbol_is_not_part_of_the_leading_comment():
    text = "# What it is\n# and more\n# CONFIG_X is not set\n# later\n"
    assert defconfigs.leading_comment(text) == "# What it is\n# and more\n"
