"""report.html in Chromium: to sort, search, brush, copy, choose, and by keyboard."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from mask_tables import EVENTS, leave_masks
from page_visits import ROWS, Visit, results
from stored_sweeps import stored

from espalier.core.measures import find
from espalier.report.html.page_assets import FOLDER
from espalier.report.report_request import ReportRequest
from espalier.report.reports import write_reports


def test_columns_sort_and_rows_are_searched(visit: Any) -> None:
    seen = visit()
    assert seen.matches() == "11 of 11 configurations"
    assert "config_001" in seen.row(0)
    seen.page.click("#ranking-table thead button:has-text('test accuracy')")
    assert "config_028" in seen.row(0) and "config_001" in seen.row(9)  # of 90 at 95 %, of 97
    heading = seen.page.locator("#ranking-table th[aria-sort=ascending]")
    assert "test accuracy" in heading.inner_text()
    seen.page.fill("#search", "rigl TARGET_SPARSITY=0.95")
    seen.wait_for_matches("1 of")
    assert seen.matches() == "1 of 11 configurations" and "config_019" in seen.row(0)
    seen.page.click("text=Show all")
    seen.wait_for_matches("11 of")


def test_numbers_are_written_as_reports_write_them(browser: Any) -> None:
    random = Random(1)
    ties = [k / 8 for k in range(-9, 10)]  # as near to one text as to the other
    values = [-0.045, -0.045000000000001705, -0.004, 999999.6, 1234567.5, 3.2e-5, 1e-12, *ties]
    values += [random.uniform(-1, 1) * 10 ** random.randint(-9, 9) for _ in range(300)]
    signed = [
        (value, by.decimals, by.number(value, "+"))
        for value, by in product(values, map(find, ("val_acc", "val_loss", "steps", "total_time")))
    ]
    source = (FOLDER / "axes.js").read_text(encoding="utf-8")
    page = browser.new_page()
    write = (
        f"(rows) => {{ {source}; return rows.map(([value, places]) => signed(value, places)); }}"
    )
    assert page.evaluate(write, signed) == [text for *_, text in signed]


def drag(seen: Visit, axis: int, axes: int, low: float, high: float) -> None:
    """Drag along an axis, between parts of the canvas's height."""
    canvas = seen.page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x = box["x"] + box["width"] * (axis + 0.5) / axes
    seen.page.mouse.move(x, box["y"] + box["height"] * low)
    seen.page.mouse.down()
    seen.page.mouse.move(x, box["y"] + box["height"] * high, steps=4)
    seen.page.mouse.up()


def test_brushing_an_axis_filters_the_table_and_a_click_ends_it(visit: Any) -> None:
    seen = visit()
    drag(seen, 1, 6, 0.05, 0.5)  # the upper half of TARGET_SPARSITY: 0.9 and 0.95
    seen.wait_for_matches("6 of")
    assert "limit.TARGET_SPARSITY=" in seen.page.url
    drag(seen, 1, 6, 0.5, 0.5)
    seen.wait_for_matches("11 of")
    assert "limit" not in seen.page.url


def test_what_was_chosen_outlives_a_reload(visit: Any) -> None:
    seen = visit()
    seen.page.fill("#search", "magnitude")
    seen.page.select_option("#choose-x", "live_parameters")
    seen.page.select_option("#theme", "dark")
    seen.page.reload()
    seen.wait_until_drawn()
    assert seen.matches() == "3 of 11 configurations"
    assert seen.page.input_value("#search") == "magnitude"
    assert seen.page.input_value("#choose-x") == "live_parameters"
    assert seen.page.get_attribute("html", "data-theme") == "dark"


def test_a_row_copies_the_command_that_runs_it_again(visit: Any, folder: Path) -> None:
    seen = visit(permissions=["clipboard-read", "clipboard-write"])
    seen.page.locator(ROWS).nth(0).locator("button").click()
    seen.page.wait_for_selector("#copied span")
    copied = seen.page.evaluate("navigator.clipboard.readText()")
    quoted = str(folder).replace("'", "'\"'\"'")
    assert copied == f"make sweep-again DIR='{quoted}' TRIALS=config_001,config_002,config_003"


def test_without_a_pointer(visit: Any) -> None:
    seen = visit()
    seen.page.focus("#ranking-table thead button")
    seen.page.keyboard.press("Enter")  # by place already: the other way round
    assert "ranked: error" in seen.row(10) and "config_001" in seen.row(9)
    assert seen.page.evaluate("document.activeElement.textContent") == "# ▼"
    seen.page.focus("#limits summary")
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.ariaLabel") == "PRUNING_METHOD from"
    seen.page.keyboard.press("ArrowDown")
    seen.wait_for_matches("10 of")
    assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_what_grew_is_drawn_and_who_descends_from_whom(visit: Any) -> None:
    seen = visit()
    titles = seen.page.locator("#grown-chart title").all_text_contents()
    assert titles == [
        "step 10: 7 added, 1 dropped, 16 live",
        "step 40: 4 added, 0 dropped, 20 live",
    ]
    assert seen.page.locator("#lives-chart .life").count() == 4  # three founders and one newborn
    assert seen.page.locator("#lives-chart .tie").count() == 2
    assert "3 founders, 1 born later" in seen.page.inner_text("#lives-caption")
    seen.page.select_option("#choose-layer", label="2")
    seen.page.wait_for_function(
        "() => document.querySelectorAll('#lives-chart .life').length === 2"
    )
    seen.page.fill("#search", "magnitude")
    seen.page.wait_for_function("() => !document.querySelector('#grown-chart svg')")


def test_the_sections_that_a_sweep_has_not_have_no_link(visit: Any, tmp_path: Path) -> None:
    assert visit().page.is_visible("nav a[href='#growth']")
    made = stored(tmp_path / "sweep_2", results())
    write_reports(made)
    assert not visit(made / "report.html").page.is_visible("nav a[href='#growth']")


def test_mask_events_are_drawn_measure_by_measure(visit: Any, tmp_path: Path) -> None:
    assert not visit().page.is_visible("nav a[href='#masks']")
    settings = {"RANK_BY": "val_acc", "MASK_LOG": "y"}
    made = stored(tmp_path / "sweep_2", results(), settings=settings)
    for name in ("config_001", "config_010"):
        leave_masks(made, name, EVENTS)
    write_reports(made)
    seen = visit(made / "report.html")
    assert seen.page.is_visible("nav a[href='#masks']")
    assert seen.page.locator("#masks-chart > svg .curve").count() == 2
    assert seen.page.locator("#masks-chart > svg .band").count() == 0
    assert "Without the events before the first update" in seen.page.inner_text("#masks-caption")
    seen.page.select_option("#choose-mask-measure", "density")
    assert seen.page.locator("#masks-chart > svg .band").count() == 2
    seen.page.select_option("#choose-mask-measure", "explored")
    path = seen.page.locator("#masks-chart > svg .curve").first.get_attribute("d")
    assert len(re.findall("[ML]", path)) == 7  # three events and the end, a step between each


def test_any_configuration_can_be_the_baseline(visit: Any) -> None:
    seen = visit()
    seen.page.select_option("#choose-against", "choice")
    text = seen.page.inner_text("#forest-table")
    assert "no spread" not in text and "-1.19" in text.replace("−", "-")
    assert "not corrected" in seen.page.inner_text("#forest-caption")


def test_a_baseline_that_was_given_is_what_differences_are_to(visit: Any, tmp_path: Path) -> None:
    made = stored(tmp_path / "sweep_2", results())
    write_reports(made, ReportRequest(baseline="PRUNING_METHOD=magnitude"))
    seen = visit(made / "report.html")
    assert seen.page.input_value("#choose-against") == "beside"
    assert "config_" in seen.page.inner_text("#forest-table")
    assert "Holm" in seen.page.inner_text("#forest-caption")
