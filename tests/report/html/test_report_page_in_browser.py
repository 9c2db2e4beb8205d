"""report.html in Chromium: to sort, search, brush, copy, by keyboard, on paper and on a phone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from browsers import chromium
from html_pages import HOSTILE
from stored_sweeps import stored
from trial_results import ended, trial

from espalier.analysis.rank import TrialResult
from espalier.core.trial import Result, Status, Trial
from espalier.report.reports import ReportRequest, write_page, write_reports

BEST = {"none": 97.0, "magnitude": 95.0, "rigl": 96.0, HOSTILE: 90.0}
ROWS = "#ranking-table tbody tr"
OVERLAPS = """() => {
  const apart = (a, b) => a.right < b.left + 1 || a.bottom < b.top + 1;
  const meet = (a, b) => !apart(a, b) && !apart(b, a);
  const faults = [];
  for (const svg of document.querySelectorAll("main svg")) {
    const texts = [...svg.querySelectorAll("text")];
    const boxes = texts.map((each) => [each.textContent, each.getBoundingClientRect()]);
    const frame = svg.getBoundingClientRect();
    boxes.forEach(([text, a], n) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 1)
        faults.push(`${text} is clipped`);
      for (const [other, b] of boxes.slice(n + 1))
        if (meet(a, b))
          faults.push(`${text} on ${other}`);
    });
  }
  return faults;
}"""


def result(number: int, method: str, sparsity: str, seed: int) -> TrialResult:
    swept = {"PRUNING_METHOD": method} | ({"TARGET_SPARSITY": sparsity} if sparsity else {})
    share = float(sparsity or 0)
    score = BEST[method] - 3 * share**4 + (seed - 2) / 10
    history = [
        {"step": 10 * n, "val_acc": score - 30 * math.exp(-n), "sparsity": share}
        for n in range(1, 9)
    ]
    measures = {
        "val_acc": score,
        "test_acc": score - 0.4,
        "final_sparsity": share,
        "live_parameters": round(1e5 * (1 - share)),
        "total_time": 10.0 + number,
    }
    made = Result(Status.PASSED, measures=measures, history=history)
    return TrialResult(planned(number, seed, swept), made, 1)


def planned(number: int, seed: int, swept: dict[str, str]) -> Trial:
    """A trial that has a target only where it is swept, unlike those of `trial`."""
    item = trial(number, seed, **swept)
    config = {name: text for name, text in item.config.items() if name != "TARGET_SPARSITY"}
    return replace(item, config={**config, **item.swept})


def results() -> list[TrialResult]:
    """Ten configurations of three seeds, and one that failed."""
    cells = [("none", ""), *((m, s) for m in list(BEST)[1:] for s in ("0.5", "0.9", "0.95"))]
    made: list[TrialResult] = []
    for (method, sparsity), seed in product(cells, (1, 2, 3)):
        made.append(result(len(made) + 1, method, sparsity, seed))
    lost = planned(len(made) + 1, 1, {"PRUNING_METHOD": "lost"})
    return [*made, ended(lost, Status.ERROR, "crash", HOSTILE)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = stored(
        tmp_path_factory.mktemp("pages") / "sweep's 1",
        results(),
        controls={"PRUNING_METHOD": ["none"]},
    )
    write_reports(made)
    return made


class Visit:
    """A page in a browser, with what it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append("a dialog"))
        self.address = path.as_uri()
        self.page.goto(self.address)
        self.page.wait_for_selector("#curves-chart svg")

    def row(self, place: int) -> str:
        return self.page.locator(ROWS).nth(place).inner_text()

    def matches(self) -> str:
        return self.page.inner_text("#matches")


@pytest.fixture
def visit(browser: Any, folder: Path) -> Iterator[Any]:
    visits: list[Visit] = []

    def open_page(path: Path = folder / "report.html", **options: Any) -> Visit:
        visits.append(Visit(browser, path, **options))
        return visits[-1]

    yield open_page
    for each in visits:
        assert each.faults == []
        assert {url.partition("#")[0] for url in each.requests} == {each.address}
        each.context.close()


def wait_for_matches(seen: Visit, text: str) -> None:
    seen.page.wait_for_function(
        "(text) => document.getElementById('matches').textContent.startsWith(text)", arg=text
    )


def test_columns_sort_and_rows_are_searched(visit: Any) -> None:
    seen = visit()
    assert seen.matches() == "11 of 11 configurations"
    assert "config_001" in seen.row(0)
    seen.page.click("#ranking-table thead button:has-text('test accuracy')")
    assert "config_028" in seen.row(0) and "config_001" in seen.row(9)  # of 90 at 95 %, of 97
    heading = seen.page.locator("#ranking-table th[aria-sort=ascending]")
    assert "test accuracy" in heading.inner_text()
    seen.page.fill("#search", "rigl TARGET_SPARSITY=0.95")
    wait_for_matches(seen, "1 of")
    assert seen.matches() == "1 of 11 configurations" and "config_019" in seen.row(0)
    seen.page.click("text=Show all")
    wait_for_matches(seen, "11 of")


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
    wait_for_matches(seen, "6 of")
    assert "limit.TARGET_SPARSITY=" in seen.page.url
    drag(seen, 1, 6, 0.5, 0.5)
    wait_for_matches(seen, "11 of")
    assert "limit" not in seen.page.url


def test_what_was_chosen_outlives_a_reload(visit: Any) -> None:
    seen = visit()
    seen.page.fill("#search", "magnitude")
    seen.page.select_option("#choose-x", "live_parameters")
    seen.page.select_option("#theme", "dark")
    seen.page.reload()
    seen.page.wait_for_selector("#curves-chart svg")
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
    assert copied == (f"make sweep-again TRIALS=config_001,config_002,config_003 DIR='{quoted}'")


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
    wait_for_matches(seen, "10 of")
    assert seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_light_and_dark(visit: Any) -> None:
    papers = [
        visit(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


def test_on_paper(visit: Any) -> None:
    seen = visit(color_scheme="dark")
    seen.page.emulate_media(media="print")
    assert not seen.page.is_visible("nav") and not seen.page.is_visible(".again")
    assert seen.page.is_visible("#scatter-chart svg")
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert not seen.page.is_visible("#ranking-table .extra")
    assert seen.page.pdf()[:4] == b"%PDF"
    assert seen.page.get_attribute("html", "data-theme") == "dark"  # light on paper alone


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_overlaps_or_leaves_the_page(visit: Any, width: int) -> None:
    seen = visit(viewport={"width": width, "height": 800})
    seen.page.wait_for_timeout(300)
    wide = seen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    assert seen.page.evaluate(OVERLAPS) == []


def test_text_of_a_store_is_text_in_every_part(visit: Any) -> None:
    seen = visit()
    assert HOSTILE[:20] in seen.page.inner_text("#ranking-table")
    assert HOSTILE[:20] in seen.page.inner_text("#curves-chart")
    assert HOSTILE[:20] in seen.page.inner_text("#failures")
    assert seen.page.locator("img").count() == 0


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


def test_the_page_of_a_running_sweep_says_if_it_is_old(
    visit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stored(tmp_path / "sweep_2", results())
    monkeypatch.setattr("espalier.report.reports.time.time", lambda: 1e9)
    write_page(made)
    seen = visit(made / "report.html")
    assert "is it still running?" in seen.page.inner_text("#stale")
