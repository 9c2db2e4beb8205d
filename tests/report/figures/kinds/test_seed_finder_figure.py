"""The figure of a seed finder, from the record that it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from figure_sources import HOSTILE, source_of
from trial_results import sweep

from espalier.core.errors import UserError
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import FigureWishes, NothingToDrawError, figure_input
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES

PAGE = STYLES["page"]
SEEDS = KINDS["seed-finder"]


def candidate(size: float | None, accuracy: float, learns: bool | None, epochs: int) -> Any:
    return {
        "candidate": {"BLOCKS_DENSITY": "0.03"},
        "size": size,
        "epochs": epochs,
        "accuracy": accuracy,
        "accuracies": [accuracy - 0.01, accuracy + 0.01],
        "limit": 0.15,
        "learns": learns,
        "front": bool(learns),
    }


def record(**changes: Any) -> dict[str, Any]:
    """One candidate that does not learn, two that do, one that was dropped, one without a size."""
    candidates = [
        candidate(10, 0.1, False, 40),
        candidate(20, 0.4, True, 40),
        candidate(300, 0.9, True, 40),
        candidate(90, 0.2, None, 10),
        {**candidate(None, 0.0, None, 40), "accuracies": [], "limit": None},
    ]
    made = {
        "size": "live_edges",
        "epochs": 40,
        "margin": 0.05,
        "alpha": 0.01,
        "smallest": candidates[1],
        "candidates": candidates,
    }
    return {**made, **changes}


def folder_with(content: object, tmp_path: Path) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "seeds.json").write_text(text, encoding="utf-8")
    return tmp_path


def drawn(content: object, tmp_path: Path, style: str = "page") -> Any:
    source = figure_input(folder_with(content, tmp_path), None, FigureWishes())
    return SEEDS.draw(source, STYLES[style])


def test_candidates_by_what_came_of_them(tmp_path: Path) -> None:
    made = drawn(record(), tmp_path)
    (panel,) = made.figure.axes
    _, learns, _, fails, _, dropped, front, limit, smallest = panel.lines
    assert list(learns.get_xdata()) == [20, 300] and list(learns.get_ydata()) == [40, 90]
    assert list(fails.get_xdata()) == [10] and list(dropped.get_xdata()) == [90]
    assert list(front.get_xdata()) == [20, 300]
    assert list(limit.get_ydata()) == [15, 15] and list(smallest.get_xdata()) == [20, 20]
    assert panel.get_xscale() == "log" and panel.get_xlabel() == "Live edges"
    (legend,) = made.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "learns",
        "does not learn",
        "dropped before",
        "front",
        "to be passed",
        "smallest that learns",
    ]


def test_the_caption_has_n_the_rule_and_the_winner(tmp_path: Path) -> None:
    caption = drawn(record(), tmp_path).caption
    assert caption.startswith("4 candidates, n = 2 seeds each") and "more than 5 points" in caption
    assert caption.endswith("Smallest that learns: 20 live edges (Density: 0.03).")
    nothing = drawn(record(smallest=None), tmp_path).caption
    assert nothing.endswith("No candidate learns.")


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_cut_or_covered(style: str, tmp_path: Path) -> None:
    best = {**candidate(20, 0.4, True, 40), "candidate": dict.fromkeys(HOSTILE, HOSTILE[4])}
    made = drawn(record(smallest=best, size=HOSTILE[1]), tmp_path, style)
    assert look_at(made.figure) == []


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"epochs": "x"}', record(candidates=[1])])
def test_a_damaged_report_is_one_line(content: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"seeds\.json: not the report of a seed finder \("):
        drawn(content, tmp_path)


def test_labels_are_of_its_size_its_symbols_and_its_accuracy(tmp_path: Path) -> None:
    folder = folder_with(record(), tmp_path)
    labels = {"live_edges": "Edges", "val_acc": "Acc", "BLOCKS_DENSITY": "Zeros"}
    made = SEEDS.draw(figure_input(folder, None, FigureWishes(labels=labels)), PAGE)
    (panel,) = made.figure.axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("Edges", "Acc")
    assert made.caption.endswith("(Zeros: 0.03).")
    with pytest.raises(
        UserError, match="LABELS=LR=x: no trial has LR; the sweep varies BLOCKS_DENSITY,"
    ):
        SEEDS.draw(figure_input(folder, None, FigureWishes(labels={"LR": "x"})), PAGE)


def test_what_has_no_such_figure_says_so(tmp_path: Path) -> None:
    with pytest.raises(NothingToDrawError, match="no candidate of the seed finder"):
        drawn(record(candidates=[]), tmp_path)
    with pytest.raises(NothingToDrawError, match="the folder is no seed finder.s; fill one with"):
        SEEDS.draw(source_of(sweep({"a": [1.0]}), folder=tmp_path / "sweep"), PAGE)
    source = figure_input(folder_with(record(), tmp_path), None, FigureWishes())
    with pytest.raises(NothingToDrawError, match="is a seed finder's folder, and no sweep's"):
        KINDS["ladder"].draw(source, PAGE)
