"""Means of pairs of values: over the same other settings, or marked."""

from __future__ import annotations

import itertools

import pytest
from trial_results import ended, passed, trial

from espalier.analysis.charts.cell_means import CellMeans, cell_means
from espalier.analysis.rank import TrialResult, rank
from espalier.core.trial import Status

Scored = list[tuple[dict[str, str], list[float]]]
GRID: Scored = [
    ({"A": a, "B": b, "C": c}, [100.0 * int(a) + 10.0 * int(b) + int(c)])
    for a, b, c in itertools.product("12", "12", "12")
]


def results_of(scored: Scored) -> list[TrialResult]:
    """One configuration each, with a seed a score."""
    made: list[TrialResult] = []
    for swept, scores in scored:
        for seed, score in enumerate(scores, 1):
            made.append(passed(trial(len(made) + 1, seed, **swept), score))
    return made


def means(scored: Scored) -> CellMeans:
    return cell_means(rank(results_of(scored)), "A", "B")


def test_cells_of_a_grid_are_balanced_means_over_the_third_symbol() -> None:
    made = means(GRID)
    assert {place: cell.mean for place, cell in made.cells.items()} == {
        ("1", "1"): 111.5,
        ("1", "2"): 121.5,
        ("2", "1"): 211.5,
        ("2", "2"): 221.5,
    }
    assert all(cell.balanced and len(cell.items) == 2 for cell in made.cells.values())
    assert (made.over, made.own, made.left) == (("C",), (), 0)


def test_a_cell_that_lacks_a_setting_is_not_balanced() -> None:
    made = means(GRID[:-1])
    assert [place for place, cell in made.cells.items() if not cell.balanced] == [("2", "2")]
    assert made.cells["2", "2"].mean == 221.0


def test_a_symbol_of_one_row_alone_is_its_own() -> None:
    plain: Scored = [({"A": "none", "B": b}, [float(b)]) for b in "12"]
    steps: Scored = [
        ({"A": "other", "B": b, "STEPS": s}, [float(s)]) for b in "12" for s in ("3", "5")
    ]
    made = means([*plain, *steps])
    assert made.over == made.own == ("STEPS",)
    assert made.cells["other", "1"].mean == 4.0 and made.cells["other", "1"].balanced


def test_an_interval_is_over_seeds() -> None:
    made = means([({"A": "1", "B": "1"}, [1.0, 3.0]), ({"A": "1", "B": "2"}, [5.0])])
    over_seeds = made.cells["1", "1"].over_seeds
    assert over_seeds is not None and (over_seeds.mean, over_seeds.n) == (2.0, 2)
    assert over_seeds.half_width == pytest.approx(12.7062, abs=1e-4)  # t of one degree times 1
    single = made.cells["1", "2"].over_seeds
    assert single is not None and single.half_width is None


def test_what_has_not_both_symbols_or_lost_a_seed_is_left_out() -> None:
    made = results_of([({"A": "1", "B": "1"}, [1.0]), ({"A": "1"}, [5.0])])
    lost = [passed(trial(8, 1, A="1", B="2"), 1.0), ended(trial(9, 2, A="1", B="2"), Status.ERROR)]
    ranking = rank([*made, *lost])
    assert list(cell_means(ranking, "A", "B").cells) == [("1", "1")]
    assert cell_means(ranking, "A", "B").left == 2
    assert cell_means(ranking, "A", "NONE").cells == {}
