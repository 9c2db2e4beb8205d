"""A chain's plan has each seed twice: from its own weights, and from fresh ones."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from trial_results import passed, trial

from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan.plan import Plan
from espalier.search import seed_plan
from espalier.search.chains import chain_plan

SMALLEST = """CONFIG_MODEL=blocks
CONFIG_BLOCKS_SIZES=""
CONFIG_BLOCKS_DENSITY=0.1
CONFIG_PRUNING_METHOD=none
CONFIG_NUM_EPOCHS=4
CONFIG_SEED=1|2|3
"""
GROWTH = """CONFIG_PRUNING_METHOD=indefinite
CONFIG_INDEFINITE_WHERE=gradient|random
CONFIG_NUM_EPOCHS=9
"""


def planned(folder: Path, growth: str = GROWTH) -> Plan:
    smallest, way = folder / "smallest-range", folder / "growth-range"
    smallest.write_text(SMALLEST, encoding="utf-8")
    way.write_text(growth, encoding="utf-8")
    weights = {seed: folder / f"{seed}.pt" for seed in "123"}
    for seed, file in weights.items():
        file.write_bytes(seed.encode())
    return chain_plan.plan_growth(smallest, weights, way, [], Symbols(tree.parse()))


def test_every_seed_grows_from_its_own_weights_and_from_fresh_ones(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    starts = [
        (t.config["INDEFINITE_WHERE"], t.config["SEED"], Path(t.config["INIT_FROM"]).stem)
        for t in plan.trials
    ]
    own = [(way, s, file) for way in ("gradient", "random") for s in "123" for file in ("", s)]
    assert sorted(starts) == sorted(own)
    assert {t.config["NUM_EPOCHS"] for t in plan.trials} == {"9"}
    assert {t.config["BLOCKS_DENSITY"] for t in plan.trials} == {"0.1"}
    assert len({t.config.get("INIT_FROM_SHA256") for t in plan.trials}) == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("CONFIG_SEED=1|2", "growth-range:4: .*leave it out: seeds and weights"),
        ('CONFIG_INIT_FROM="own.pt"', "growth-range:4: .*leave it out: seeds and weights"),
        ("CONFIG_FIREFLY_STEPS=3", "growth-range:4: CONFIG_FIREFLY_STEPS=3"),
        (
            "CONFIG_SHIFT=permuted\nCONFIG_SHIFT_EPOCHS=2",
            "only networks of images that stay the same leave weights",
        ),
    ],
)
def test_a_growth_that_cannot_be_is_seen_before_the_search(
    tmp_path: Path, line: str, said: str
) -> None:
    candidates, growth = tmp_path / "candidates-range", tmp_path / "growth-range"
    own = line if "SHIFT" in line else ""
    text = SMALLEST.replace("DENSITY=0.1", "DENSITY=0.1|0.2")
    candidates.write_text(f"{text}{own}\n", encoding="utf-8")
    growth.write_text(GROWTH + ("" if own else line) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=said):
        chain_plan.check_growth(seed_plan.read(candidates), growth, [])


def test_effects_are_paired_and_corrected_for_all_ways_of_growing() -> None:
    results = []
    gains = {"gradient": (1.0, 2.0, 3.0), "random": (0.0, 0.0, 3.0)}
    for way, gain in gains.items():
        for seed in (1, 2, 3):
            for file in ("", f"{seed}.pt"):
                item = trial(len(results) + 1, seed, INDEFINITE_WHERE=way, INIT_FROM=file)
                value = 50.0 + 10 * seed + (gain[seed - 1] if file else 0.0)
                results.append(passed(item, value, 80.0))
    every = chain_plan.arms(results, ["INIT_FROM", "INDEFINITE_WHERE", "SEED"])
    assert [(arm.growth[0][1], arm.is_trained) for arm in every] == [
        ("gradient", False),
        ("gradient", True),
        ("random", False),
        ("random", True),
    ]
    assert every[1].values("val_acc") == {"1": 61.0, "2": 72.0, "3": 83.0}
    val = [each for each in chain_plan.start_effects(every) if each.measure == "val_acc"]
    assert [each.difference.mean for each in val if each.difference] == [2.0, 1.0]
    t = 2 / (1 / math.sqrt(3))  # of 1, 2, 3: mean 2, deviation 1; two degrees of freedom
    p = 1 - t / math.sqrt(t**2 + 2)
    assert val[0].p == pytest.approx(2 * p)
