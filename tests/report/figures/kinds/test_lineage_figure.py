"""Lineages: lives, descent and ages of the layers of a trial."""

from __future__ import annotations

from pathlib import Path

import pytest
from figure_sources import source_of
from lineages import family
from stored_sweeps import stored
from trial_results import passed, trial

from espalier.core.errors import UserError
from espalier.methods.apoptosis.neurons.lineage import Lineage
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS, lay_out
from espalier.report.figures.figure_style import STYLES
from espalier.report.figures.kinds.lineage_figure import draw_lineage, layer_title

PAGE = STYLES["page"]


def drawn(lineage: Lineage, last: int = 40, style: str = "page") -> DrawnFigure:
    return lay_out(lambda: draw_lineage(lineage, last, STYLES[style]), STYLES[style])


def long_family(layers: int, generations: int) -> Lineage:
    """Layers of 30 slots, of which slot 0 has one generation after another."""
    lineage = Lineage({f"blocks.{layer}.ffn.0": 30 for layer in range(layers)})
    for step in range(1, generations + 1):
        for layer in lineage.layers:
            lineage.record_deaths(step, layer, [0], [0.0])
            lineage.record_births(step, layer, [0], [[(1 if step == 1 else 2, 1.0)]])
            lineage.record_deaths(step, layer, [2], [0.0])
            lineage.record_births(step, layer, [2], [[(0, 1.0)]])
    return lineage


def test_a_line_a_life_and_a_dot_a_birth() -> None:
    made = drawn(family())
    left, right, *_ = made.figure.axes
    founders, first, second, ties = left.collections
    assert [len(lines.get_segments()) for lines in (founders, first, second)] == [3, 1, 1]
    assert [segment.tolist() for segment in second.get_segments()] == [[[30, 0], [40, 0]]]
    assert len(ties.get_segments()) == 3
    (births,) = left.lines
    assert (list(births.get_xdata()), list(births.get_ydata())) == ([10, 30], [1, 0])
    (mean,) = right.lines
    assert list(mean.get_xdata()) == [0, 10, 10, 30, 30, 40, 40]
    assert list(mean.get_ydata())[:3] == [0, 10, pytest.approx(20 / 3)]


def test_the_key_and_the_caption_say_what_is_drawn() -> None:
    made = drawn(family())
    (legend,) = made.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "birth",
        "from parent to child",
        "mean age",
        "youngest to oldest",
        "founder",
        "generation 1",
        "generation 2",
    ]
    assert made.caption.startswith("Neurons over 40 steps: 2 births, 2 deaths.")


def test_layers_are_called_by_words() -> None:
    assert layer_title("blocks.0.ffn.0", ["blocks.0.ffn.0"]) == "Layer blocks.0.ffn.0"
    assert layer_title("3", ["1", "3"]) == "Layer 2 of 2 (module 3)"
    titles = [panel.get_title() for panel in drawn(family()).figure.axes]
    assert titles == ["Layer a", "Layer a", "Layer b", "Layer b"]


@pytest.mark.parametrize(
    ("style", "layers", "generations"), [*((style, 2, 4) for style in STYLES), ("column", 8, 20)]
)
def test_nothing_is_cut_or_covered(style: str, layers: int, generations: int) -> None:
    made = drawn(long_family(layers, generations), 100, style)
    assert look_at(made.figure) == []
    assert ("2 more layers not drawn." in made.caption) == (layers == 8)


def sweep_with(tables: dict[str, Lineage], folder: Path) -> FigureInput:
    """A sweep of three configurations, the last one best, some with a lineage."""
    methods = ("apoptosis_standard", "apoptosis_hybrid", "none")
    results = [
        passed(trial(number, 1, PRUNING_METHOD=method), 50.0 + number, steps=40)
        for number, method in enumerate(methods, 1)
    ]
    made = stored(folder / "sweep_1", results)
    for name, lineage in tables.items():
        (made / f"{name}_mlp").mkdir()
        lineage.write(made / f"{name}_mlp" / "lineage.csv")
    return source_of(results, folder=made)


def test_the_best_trial_that_has_a_lineage_is_drawn(tmp_path: Path) -> None:
    source = sweep_with({"config_001": family(), "config_002": family()}, tmp_path)
    made = KINDS["lineage"].draw(source, PAGE)
    last = "One run, config_002: Method: apoptosis_hybrid, Random seed: 1."
    assert made.caption.endswith(last)


def test_a_sweep_without_a_lineage_has_no_such_figure(tmp_path: Path) -> None:
    with pytest.raises(NothingToDrawError, match=r"no trial left a lineage\.csv"):
        KINDS["lineage"].draw(sweep_with({}, tmp_path), PAGE)


def test_a_damaged_table_is_one_line(tmp_path: Path) -> None:
    source = sweep_with({"config_001": family()}, tmp_path)
    table = source.folder / "config_001_mlp" / "lineage.csv"
    table.write_text("step\n1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"lineage\.csv: not the table of a lineage"):
        KINDS["lineage"].draw(source, PAGE)
