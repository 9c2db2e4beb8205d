"""What figures are drawn from: a sweep or a seed finder's folder, and texts of wishes."""

from __future__ import annotations

from pathlib import Path

import pytest
from figure_sources import grid, source_of
from stored_sweeps import stored
from trial_results import sweep

from espalier.core.errors import UserError
from espalier.report.figures.figure_input import (
    FigureWishes,
    NothingToDrawError,
    figure_input,
    parse_wishes,
    split_symbols,
)


def test_symbols_are_called_with_or_without_their_prefix() -> None:
    assert split_symbols("CONFIG_MODEL, SEED,,") == ("MODEL", "SEED")
    wishes = parse_wishes("A,CONFIG_B", "CONFIG_X", "", "A=words", top=3)
    assert wishes == FigureWishes(by=("A", "B"), x="X", labels={"A": "words"}, top=3)


def test_by_must_be_a_symbol_that_varies() -> None:
    assert source_of(grid(), groups=["TARGET_SPARSITY"]).by_symbols == ("TARGET_SPARSITY",)
    rule = "BY=MODEL: must be a symbol that the sweep varies, which are PRUNING_METHOD, "
    with pytest.raises(UserError, match=rule):
        _ = source_of(grid(), groups=["MODEL"]).by_symbols
    with pytest.raises(UserError, match="BY=SEED: seeds are averaged over; what else"):
        _ = source_of(grid(), groups=["SEED"]).by_symbols


def test_symbols_are_those_of_by_or_all_that_vary() -> None:
    assert source_of(grid()).symbols == ["PRUNING_METHOD", "TARGET_SPARSITY"]
    assert source_of(grid(), groups=["TARGET_SPARSITY"]).symbols == ["TARGET_SPARSITY"]
    with pytest.raises(NothingToDrawError, match="no swept symbol varies between ranked"):
        _ = source_of(sweep({"a": [1.0]})).symbols


def test_a_folder_of_a_sweep_and_of_a_seed_finder(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0]}))
    assert figure_input(folder, None, FigureWishes()).ranking.best is not None
    seeds = tmp_path / "seeds_1"
    seeds.mkdir()
    with pytest.raises(UserError, match="seeds_1"):
        figure_input(seeds, None, FigureWishes())
    (seeds / "seeds.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NothingToDrawError, match="is a seed finder's folder, and no sweep's"):
        _ = figure_input(seeds, None, FigureWishes()).ranking
