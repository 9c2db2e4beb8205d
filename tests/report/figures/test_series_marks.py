"""The marks of a series."""

from __future__ import annotations

from espalier.report.figures.figure_style import STYLES, drawing, new_panels, series_look
from espalier.report.figures.series_marks import MarkedPoint, paint_series, set_apart

PAGE = STYLES["page"]
POINTS = [
    MarkedPoint(1.0, 5.0, [(1.0, 4.0), (1.0, 6.0)], (4.0, 6.0)),
    MarkedPoint(2.0, 7.0, [(2.0, 7.0)], None, hollow=True),
]


def test_joined_points_have_a_line_and_others_bars() -> None:
    with drawing(PAGE):
        _, ((upper, lower),) = new_panels(PAGE, 1, 2)
        means, *_ = paint_series(upper, series_look(1), POINTS, True, PAGE)
        alone, *_ = paint_series(lower, series_look(1), POINTS, False, PAGE)
    assert (means.get_linestyle(), alone.get_linestyle()) == ("--", "None")  # type: ignore[attr-defined]
    assert len(upper.lines) == len(lower.lines) == 3  # means, seeds, what is hollow
    assert len(upper.collections) == len(lower.collections) == 1


def test_series_are_apart_by_a_marker_and_one_alone_is_not_moved() -> None:
    with drawing(PAGE):
        figure, ((panel,),) = new_panels(PAGE)
        drawn = [paint_series(panel, series_look(n), POINTS, False, PAGE) for n in range(3)]
    limits = panel.dataLim.bounds
    for place, artists in enumerate(drawn):
        set_apart(panel, artists, place, 3, PAGE)
    places = [float(artists[0].get_transform().transform((1.0, 5.0))[0]) for artists in drawn]
    assert round((places[2] - places[0]) * 72 / figure.dpi, 6) == PAGE.marker
    assert panel.dataLim.bounds == limits
    set_apart(panel, drawn[0], 0, 1, PAGE)
    alone = drawn[0][0].get_transform().transform((1.0, 5.0))
    assert tuple(alone) == tuple(panel.transData.transform((1.0, 5.0)))
