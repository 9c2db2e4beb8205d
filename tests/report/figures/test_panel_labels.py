"""Labels of panels that share their scales, and titles that have room."""

from __future__ import annotations

from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.figure_style import STYLES, drawing, panel_grid
from espalier.report.figures.panel_labels import fit_up, label_edges, title_panel

PAGE = STYLES["page"]


def test_labels_stand_at_the_edges() -> None:
    with drawing(PAGE):
        _, panels = panel_grid(PAGE, 4, "xy")
        label_edges(panels, PAGE, "across", "up")
    assert [panel.get_xlabel() for panel in panels] == ["", "across", "across", "across"]
    assert [panel.get_ylabel() for panel in panels] == ["up", "", "", "up"]


def test_a_title_has_two_lines_at_most() -> None:
    with drawing(PAGE):
        _, panels = panel_grid(PAGE, 3)
        title_panel(panels[0], {"A": "word " * 100}, AxisNames(), PAGE, 3)
        title_panel(panels[1], {}, AxisNames(), PAGE, 3)
    assert panels[0].get_title().count("\n") == 1 and panels[0].get_title().endswith("…")
    assert panels[1].get_title() == ""


def test_a_long_label_breaks() -> None:
    assert fit_up("short", PAGE) == "short"
    assert fit_up("a label " * 9, PAGE).count("\n") == 1
