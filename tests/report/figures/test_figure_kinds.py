"""Every kind of figure: its name, that nothing in it is cut or covered, why it is not drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from figure_sources import HOSTILE, grid, source_of
from trial_results import sweep

from espalier.core.errors import UserError
from espalier.report.figures import kinds as folder_of_kinds
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_kinds import KINDS, draw_all, kind_of, kinds_of
from espalier.report.figures.figure_style import STYLES, USUAL

OTHERS = ("race", "lineage", "mask-events", "seed-finder")
"""Kinds of what only some sweeps have; their own tests look at them."""
DRAWN = [name for name in KINDS if name not in OTHERS]


def test_every_module_of_the_folder_is_a_kind() -> None:
    (folder,) = map(Path, folder_of_kinds.__path__)
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {kind.module for kind in KINDS.values()} == modules
    names = {kind.name.replace("-", "_"): kind.module for kind in KINDS.values()}
    assert all(module in (name, f"{name}_figure") for name, module in names.items())
    assert all(name == kind.name and kind.help for name, kind in KINDS.items())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", DRAWN)
def test_hostile_and_long_names_stay_text_and_cover_nothing(kind: str, style: str) -> None:
    source = source_of(grid(HOSTILE, seeds=2))
    made = KINDS[kind].draw(source, STYLES[style])
    assert look_at(made.figure) == []
    assert made.caption and "\n" not in made.caption


@pytest.mark.parametrize("kind", DRAWN)
def test_one_seed_is_drawn_too(kind: str) -> None:
    made = KINDS[kind].draw(source_of(grid(seeds=1)), STYLES["column"])
    assert look_at(made.figure) == []


def test_all_that_a_sweep_has_and_why_not_the_others() -> None:
    drawn, missing = draw_all(
        source_of(sweep({"a": [1.0], "b": [2.0]})), STYLES[USUAL], KINDS.values()
    )
    assert set(drawn) | set(missing) == set(KINDS) and not set(drawn) & set(missing)
    assert {"ladder", "race", "seed-finder"} <= set(missing)
    assert all(reason and "\n" not in reason for reason in missing.values())


def test_a_sweep_in_which_nothing_passed_has_no_figure() -> None:
    source = source_of(sweep({"a": [float("nan")]}))
    drawn, missing = draw_all(source, STYLES[USUAL], KINDS.values())
    assert not drawn
    assert missing["effects"] == "no trial has passed yet with a finite validation accuracy"


def test_of_some_kinds_no_others_are_drawn() -> None:
    drawn, missing = draw_all(source_of(sweep({"a": [1.0]})), STYLES[USUAL], [KINDS["ladder"]])
    assert not drawn and list(missing) == ["ladder"]
    assert missing["ladder"].startswith("no swept symbol is a number above 0")


def test_kinds_by_name() -> None:
    assert [kind.name for kind in kinds_of("ladder, curves,ladder")] == ["ladder", "curves"]
    with pytest.raises(UserError, match="KIND=lader: did you mean ladder"):
        kind_of("lader")
    with pytest.raises(UserError, match="KIND=: must be one of accuracy-sparsity, "):
        kinds_of("ladder,,curves")
