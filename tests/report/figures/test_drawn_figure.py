"""Captions below, legends beside: the figure grows by them, and nothing lies over the panels."""

from __future__ import annotations

import pytest
from figure_sources import HOSTILE

from espalier.report.figures.drawn_figure import ENTRIES, DrawnFigure, add_legend, finish
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_style import (
    STYLES,
    FigureStyle,
    drawing,
    new_panels,
    resized,
    series_look,
)

CAPTION = "Lines are means over seeds, bands go from the least to the most, n = 3 seeds. " * 4


def drawn(style: FigureStyle, names: list[str], caption: str, title: str = "") -> DrawnFigure:
    """Return a figure with a series a name."""
    with drawing(style):
        figure, ((panel,),) = new_panels(style)
        entries = {}
        for place, name in enumerate(names):
            look = series_look(place)
            (entries[name],) = panel.plot([0, 1], [place, 1], color=look.colour)
        panel.set(xlabel="Step", ylabel="Accuracy (%)")
        add_legend(figure, style, entries)
        return finish(DrawnFigure(figure, caption), style, title)


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("names", [[], ["one", "two"], [f"name {n}" for n in range(40)]])
def test_nothing_lies_over_anything(style: FigureStyle, names: list[str]) -> None:
    assert look_at(drawn(style, names, CAPTION, "A title").figure) == []


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_hostile_names_stay_text_and_in_place(style: FigureStyle) -> None:
    made = drawn(style, list(HOSTILE), " ".join(HOSTILE), HOSTILE[4])
    assert look_at(made.figure) == []
    (legend,) = made.figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[1] == HOSTILE[1] and texts[0].startswith("</script><img")
    assert not any(text.get_parse_math() for text in legend.get_texts())


def test_a_figure_grows_by_its_caption_and_a_legend_below() -> None:
    style = STYLES["column"]
    plain, said = drawn(style, [], ""), drawn(style, [], CAPTION)
    both = drawn(style, ["one", "two"], CAPTION)
    heights = [made.figure.get_size_inches()[1] for made in (plain, said, both)]
    assert heights[0] == pytest.approx(style.row_height)
    assert heights[0] < heights[1] < heights[2]
    panels = [made.figure.axes[0].get_window_extent().height for made in (plain, both)]
    assert panels[1] == pytest.approx(panels[0], rel=0.1)


def test_a_size_that_is_given_is_kept() -> None:
    made = drawn(resized(STYLES["page"], "5x4", None), ["one"], CAPTION, "A title")
    assert made.figure.get_size_inches().tolist() == [5.0, 4.0] and look_at(made.figure) == []


def test_no_room_for_panels_is_said() -> None:
    with pytest.raises(NothingToDrawError, match="no room for its panels; take a larger SIZE"):
        drawn(resized(STYLES["page"], "1x1", None), ["one"], CAPTION)


def test_of_very_many_series_some_are_named_and_the_others_counted() -> None:
    made = drawn(STYLES["page"], [f"name {n}" for n in range(ENTRIES + 7)], "")
    (legend,) = made.figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == ENTRIES + 1 and texts[-1] == "and 7 more"


def test_the_caption_is_one_line_of_text_that_can_be_kept() -> None:
    made = drawn(STYLES["page"], [], "two\nlines\x1b[0m")
    assert made.caption == r"two lines\x1b[0m"
    assert [text.get_text() for text in made.figure.texts] == [made.caption]
