from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning, staleness
from espalier.plan.expand import Expansion
from espalier.plan.samplers import orthogonal, sampling
from espalier.plan.samplers.orthogonal_array import balanced

FOUR = (
    "CONFIG_LEARNING_RATE=1e-2|1e-3|1e-4\nCONFIG_ADAMWPRUNE_BETA1=0.8|0.85|0.9\n"
    "CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0|0.1|0.2\nCONFIG_PRUNING_WARMUP=50|100|150\n"
)


def sampled(symbols: Symbols, text: str) -> Expansion:
    return orthogonal.by_array(symbols, toy.parse_requests(symbols, text), None, True)


def planned(folder: Path, real: Symbols, text: str, sampler: str | None = None) -> plan.Plan:
    (folder / "r").write_text(text, encoding="utf-8")
    over = [sampling.sampler_setting(sampler)] if sampler else []
    return planning.plan_from_files([folder / "r"], symbols=real, over=over)


def test_every_sampler_of_the_tree_is_known(real: Symbols) -> None:
    assert sampling.names() == list(real.members(sampling.SAMPLER))


def test_levels_are_the_values_in_file_order(symbols: Symbols) -> None:
    expansion = sampled(symbols, "CONFIG_COUNT=7|2\nCONFIG_PAINT=n|y\nCONFIG_RATE=0.9|0.1")
    rows = [(c["COUNT"], c["PAINT"], c["RATE"]) for c in expansion.configs.values()]
    assert rows == [("7", "n", "0.9"), ("7", "y", "0.1"), ("2", "n", "0.1"), ("2", "y", "0.9")]
    assert expansion.design == {
        "array": "L4",
        "rows": 4,
        "combinations": 8,
        "strength": 2,
        "axes": [
            {"symbol": "COUNT", "columns": [1]},
            {"symbol": "PAINT", "columns": [2]},
            {"symbol": "RATE", "columns": [3]},
        ],
    }
    assert expansion.counts() == {
        "trials": 4,
        "combinations": 4,
        "invalid": 0,
        "inactive": 0,
        "same": 0,
    }


def test_seeds_repeat_every_row_and_take_no_column(tmp_path: Path, real: Symbols) -> None:
    text = "CONFIG_SAMPLER_ORTHOGONAL=y\n" + FOUR + "CONFIG_SEED=1|2|3|4|5\nCONFIG_SPLIT_SEED=0|1\n"
    made = planned(tmp_path, real, text)
    assert len(made.trials) == 9 * 5 * 2
    assert [axis["symbol"] for axis in made.design["axes"]] == [
        "LEARNING_RATE",
        "ADAMWPRUNE_BETA1",
        "ADAMWPRUNE_WEIGHT_DECAY",
        "PRUNING_WARMUP",
    ]
    names = [axis["symbol"] for axis in made.axes]
    texts = [
        [axis["values"].index(t.config[axis["symbol"]]) for axis in made.axes] for t in made.trials
    ]
    assert names[-2:] == ["SEED", "SPLIT_SEED"]
    for width in (1, 2):
        assert balanced([tuple(row) for row in texts], width)


def test_a_grid_has_no_design_and_an_array_has_trials_of_the_grid(
    tmp_path: Path, real: Symbols
) -> None:
    grid = planned(tmp_path, real, FOUR)
    assert (grid.design, len(grid.trials)) == ({}, 81)
    few = planned(tmp_path, real, FOUR, "orthogonal")
    assert {t.id for t in few.trials} < {t.id for t in grid.trials}
    assert few.settings["SAMPLER"] == "orthogonal"


def test_the_command_line_goes_before_the_file_and_says_so(tmp_path: Path, real: Symbols) -> None:
    made = planned(tmp_path, real, "CONFIG_SAMPLER=orthogonal\n" + FOUR, "grid")
    assert len(made.trials) == 81
    assert made.notes[0].startswith("the command line:1: CONFIG_SAMPLER=grid overrides ")


def test_no_axis_but_seeds_is_the_grid(tmp_path: Path, real: Symbols) -> None:
    made = planned(tmp_path, real, "CONFIG_SEED=1|2\n", "orthogonal")
    assert (len(made.trials), made.design) == (2, {})


def test_the_design_is_in_the_plan_and_its_summary(tmp_path: Path, real: Symbols) -> None:
    plan.write_plan(planned(tmp_path, real, FOUR, "orthogonal"), tmp_path / "out", real)
    read = plan.read_plan(tmp_path / "out")
    assert (read.design["array"], read.design["rows"], read.design["combinations"]) == ("L9", 9, 81)
    text = (tmp_path / "out" / plan.SUMMARY).read_text(encoding="utf-8")
    assert "\n\nL9: 9 of 81 combinations\n  CONFIG_LEARNING_RATE: column 1\n" in text


def test_a_stale_plan_is_made_again_with_its_sampler(tmp_path: Path, real: Symbols) -> None:
    made = planned(tmp_path, real, FOUR, "orthogonal")
    (tmp_path / "r").write_text(FOUR + "CONFIG_SEED=9\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"RANGE_CONFIG=\S+/r SAMPLER=orthogonal "):
        staleness.check_fresh(made)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "CONFIG_MOST=5|20\nCONFIG_COUNT=4|15\nCONFIG_PAINT=y|n",
            "f: CONFIG_COUNT=15 must be in [1, 5]: row 2 of L4 (CONFIG_MOST=5 CONFIG_COUNT=15 "
            "CONFIG_PAINT=n) falls out, and without it no mean is balanced; take those values out, "
            "or SAMPLER=grid",
        ),
        (
            "CONFIG_SHAPE=round|square\nCONFIG_EDGE=1|2\nCONFIG_COUNT=1|2",
            "CONFIG_EDGE=1 is off: needs CONFIG_HAS_EDGE (which CONFIG_SHAPE_SELECT_SQUARE or "
            "CONFIG_SHAPE_SELECT_STAR brings): row 1 of L4 (CONFIG_SHAPE=round CONFIG_EDGE=1 ",
        ),
        (
            "CONFIG_COUNT=1|11\nCONFIG_PAINT=y|n",
            "f: CONFIG_COUNT=11 must be in [1, 10]: row 3 of L4 (CONFIG_COUNT=11 CONFIG_PAINT=y)",
        ),
        ("CONFIG_MASK=1\nCONFIG_EDGE=3\nCONFIG_COUNT=1|2", "f:2: CONFIG_EDGE=3: never in effect"),
        ("CONFIG_SHAPE=round\nCONFIG_EDGE=1|2", "f:2: CONFIG_EDGE=1: never in effect: needs"),
        (
            "CONFIG_PAINT=y|n\nCONFIG_COUNT=1:1:5",
            "f:2: CONFIG_COUNT has 5 values, as no column has; there are L4: 2^3; L8: 2^7",
        ),
        (
            "CONFIG_PAINT=y|n\nCONFIG_FORCED=y|n\nCONFIG_COUNT=1|2|3",
            "f:1: no array takes all axes (CONFIG_PAINT has 2, CONFIG_FORCED has 2, CONFIG_COUNT "
            "has 3); there are L4",
        ),
        ("CONFIG_COUNT=1:1:5", "or take SAMPLER=grid (5 combinations)"),
        ("CONFIG_FORCED=n|y\nCONFIG_FORCER=n|y", "CONFIG_FORCED=n stays 'y': another symbol"),
    ],
)
def test_what_would_not_be_balanced_is_refused(symbols: Symbols, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        sampled(symbols, text)
    assert message in str(caught.value)
    assert not any("\n" in line for line in caught.value.lines)


def test_an_axis_of_a_matrix_that_is_off_throughout_takes_no_column(symbols: Symbols) -> None:
    text = "CONFIG_SHAPE=round\nCONFIG_EDGE=1|2\nCONFIG_COUNT=1|2\nCONFIG_PAINT=y|n"
    requested = toy.parse_requests(symbols, text)
    requested["EDGE"] = replace(requested["EDGE"], required=False)
    expansion = orthogonal.by_array(symbols, requested, None, True)
    assert len(expansion.configs) == 4
    assert [axis["symbol"] for axis in expansion.design["axes"]] == ["COUNT", "PAINT"]


def test_a_limit_is_told_the_number_of_trials(symbols: Symbols) -> None:
    requested = toy.parse_requests(
        symbols, "CONFIG_COUNT=1|2\nCONFIG_PAINT=y|n\nCONFIG_RATE=0.1|0.2"
    )
    with pytest.raises(UserError, match=r"more than 3 trials \(4 combinations: .*MAX_TRIALS=4 "):
        orthogonal.by_array(symbols, requested, 3, True)
    assert len(orthogonal.by_array(symbols, requested, 4, True).configs) == 4


def test_an_unknown_sampler_is_one_line() -> None:
    with pytest.raises(UserError, match="SAMPLER=sobel: must be one of .*grid, .*orthogonal"):
        sampling.sampler_setting("sobel")
