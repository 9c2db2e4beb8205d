"""report.html in Chromium: light, dark, on paper, narrow and wide, while it runs, and safe."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from html_pages import HOSTILE
from page_visits import results
from stored_sweeps import stored
from trial_results import passed, trial

from espalier.analysis.rank import TrialResult
from espalier.report.reports import write_page

IMAGE = "https://localhost/none.png"
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


KEEP_NAMES = """() => {
  const pen = document.querySelector("#parallel-axes canvas").getContext("2d");
  window.names = [];
  pen.fillText = (text, x, y) => {
    const half = pen.measureText(text).width / 2;
    if (pen.textAlign === "center") window.names.push({ text, left: x - half, right: x + half, y });
  };
}"""
NAMES_THAT_MEET = """() => window.names.flatMap((a, n) => window.names.slice(n + 1)
  .filter((b) => a.y === b.y && a.left < b.right && b.left < a.right)
  .map((b) => `${a.text} on ${b.text}`))"""


def long_names(folder: Path) -> Path:
    """Write the page of eight configurations whose symbols have long names."""
    axes = {"ADAMWPRUNE_WEIGHT_DECAY": (0.01, 0.05), "ADAMWPRUNE_BETA1": (0.85, 0.9)}
    names = [*axes, "PRUNING_WARMUP"]
    made: list[TrialResult] = []
    for number, (*values, seed) in enumerate(product(*axes.values(), (100, 200), (1, 2)), 1):
        swept = {name: str(value) for name, value in zip(names, values, strict=True)}
        item = passed(trial(number, seed, **swept), 90 + number, total_time=10.0 + number)
        history = [{"step": step, "val_acc": 80.0 + step + number} for step in (1, 2, 3)]
        made.append(item._replace(result=replace(item.result, history=history)))
    write_page(stored(folder / "sweep_3", made))
    return folder / "sweep_3" / "report.html"


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
def test_names_of_axes_on_the_canvas_stay_apart(visit: Any, tmp_path: Path, width: int) -> None:
    seen = visit(long_names(tmp_path), viewport={"width": width, "height": 800})
    seen.page.evaluate(KEEP_NAMES)
    seen.page.set_viewport_size({"width": width - 1, "height": 800})  # which draws all again
    seen.page.wait_for_function("() => window.names.length >= 5")
    assert seen.page.evaluate(NAMES_THAT_MEET) == []


def test_lines_with_long_values_are_told_apart_by_name(visit: Any, tmp_path: Path) -> None:
    lines = visit(long_names(tmp_path)).page.locator("#curves-chart li")
    names = [text.partition(":")[0] for text in lines.all_inner_texts()]
    assert names == [f"config_{number:03d}" for number in range(15, 0, -2)]
    assert lines.first.get_attribute("title").endswith("PRUNING_WARMUP=200")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_overlaps_or_leaves_the_page(visit: Any, width: int) -> None:
    seen = visit(viewport={"width": width, "height": 800})
    wide = seen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    assert seen.page.evaluate(OVERLAPS) == []


def test_text_of_a_store_is_text_in_every_part(visit: Any) -> None:
    seen = visit()
    assert HOSTILE[:20] in seen.page.inner_text("#ranking-table")
    assert HOSTILE[:20] in seen.page.inner_text("#curves-chart")
    assert HOSTILE[:20] in seen.page.inner_text("#failures")
    assert HOSTILE[:20] in seen.page.inner_text("#provenance")
    assert HOSTILE[:20] in seen.page.inner_text("#lives-caption")
    assert seen.page.locator("img").count() == 0


def test_a_page_says_what_its_sweep_is_called_and_for(visit: Any, folder: Path) -> None:
    seen = visit()
    assert seen.page.inner_text("h1") == "first-look"
    heading = seen.page.inner_text("header")
    assert folder.name in heading and "digits" in heading
    assert f"Whether {HOSTILE[:20]}" in heading and seen.page.title().startswith("first-look:")


def test_nothing_but_the_page_s_own_program_runs(visit: Any) -> None:
    seen = visit()
    refused: list[str] = []
    seen.page.on("requestfailed", lambda request: refused.append(request.failure))
    seen.page.evaluate(
        """(address) => {
          const script = document.createElement("script");
          script.textContent = "window.broken = 1";
          const image = document.createElement("img");
          image.setAttribute("onerror", "window.broken = 2");
          image.src = address;
          document.body.append(script, image);
        }""",
        IMAGE,
    )
    seen.page.wait_for_function("() => document.images[0].complete")
    assert seen.page.evaluate("window.broken") is None
    assert refused == ["csp"]  # it went nowhere
    assert len(seen.faults) >= 2 and all("Content Security Policy" in e for e in seen.faults)
    seen.faults.clear()
    seen.requests.remove(IMAGE)


def test_the_page_of_a_running_sweep_loads_itself_again(visit: Any, tmp_path: Path) -> None:
    made = stored(tmp_path / "sweep_2", results())
    write_page(made)
    seen = visit(made / "report.html")
    seen.page.clock.install()
    seen.page.reload()
    seen.wait_until_drawn()
    seen.page.focus("#search")
    seen.page.evaluate("window.kept = true")
    seen.page.clock.fast_forward(31_000)
    assert seen.page.evaluate("window.kept")  # not while one types
    seen.page.evaluate("document.activeElement.blur()")
    seen.page.clock.fast_forward(31_000)
    seen.page.wait_for_function("() => window.kept === undefined")


def test_the_page_of_a_running_sweep_says_if_it_is_old(
    visit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stored(tmp_path / "sweep_2", results())
    monkeypatch.setattr("espalier.report.reports.time.time", lambda: 1e9)
    write_page(made)
    seen = visit(made / "report.html")
    assert "is it still running?" in seen.page.inner_text("#stale")
