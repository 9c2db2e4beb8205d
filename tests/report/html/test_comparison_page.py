from __future__ import annotations

from pathlib import Path

import pytest
from browsers import PATIENCE, chromium
from html_pages import HOSTILE, Page
from stored_sweeps import stored
from trial_results import passed, trial

from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.comparing.sweep_questions import compare_sweeps
from espalier.report.html.comparison_page import (
    Compared,
    compared_rows,
    comparison_name,
    render_comparison_page,
)


def compare(*folders: Path) -> Compared:
    first, second = (open_sweep(each, None) for each in folders)
    return compare_sweeps(first, second, 0.05), (first, second)


def folder(path: Path, gain: float, value: str = "adam") -> Path:
    """Two configurations of three seeds; the first is better by `gain`, more or less."""
    results = [
        passed(trial(n, seed, OPTIMIZER=name), 90.0 + seed + more + gain * (name == value))
        for n, (name, seed, more) in enumerate(
            [(value, 1, 0.1), (value, 2, 0.0), (value, 3, -0.1)]
            + [("sgd", seed, 0.0) for seed in (1, 2, 3)],
            1,
        )
    ]
    return stored(path, results)


def test_the_page_pairs_configurations_and_draws_them(tmp_path: Path) -> None:
    folders = [folder(tmp_path / "a", 2.0), folder(tmp_path / "b", 1.0)]
    pair = compare(*folders)
    page = Page(render_comparison_page([pair], 0.0))
    assert "a compared with another sweep" in page.text
    assert "Paired: 2 configurations, 6 trials that ended in both" in page.text
    assert "config_001 config_001 OPTIMIZER=adam 3 +1.00 points no spread" in page.text
    assert page.tags.count("circle") == 2 and page.tags.count("script") == 1
    first, second = compared_rows(pair[0])
    assert first.mark and (first.mark.zero, first.mark.mean) == (5.0, 145.0)
    assert second.mark and second.mark.mean == second.mark.zero == 5.0


def test_several_sweeps_have_a_section_each(tmp_path: Path) -> None:
    first, *others = [folder(tmp_path / name, 1.0) for name in "abc"]
    pairs = [compare(first, other) for other in others]
    page = Page(render_comparison_page(pairs, 0.0))
    assert page.tags.count("section") == 2 and "compared with 2 other sweeps" in page.text
    assert comparison_name(others) == "report_against_b_c.html"


@pytest.mark.parametrize("value", [HOSTILE, "<b>"])
def test_values_stay_text(tmp_path: Path, value: str) -> None:
    folders = [folder(tmp_path / name, 1.0, value) for name in "ab"]
    page = Page(render_comparison_page([compare(*folders)], 0.0))
    assert not {"img", "b"} & set(page.tags) and page.tags.count("script") == 1
    assert value.split("\u2028")[0] in page.text


def test_in_a_browser_values_of_others_stay_text_and_nothing_leaves_a_phone(tmp_path: Path) -> None:
    folders = [folder(tmp_path / name, 1.0, HOSTILE) for name in ("a", "b")]
    page = tmp_path / "page.html"
    page.write_text(render_comparison_page([compare(*folders)], 1e9), encoding="utf-8")
    faults: list[object] = []
    with chromium() as browser:
        seen = browser.new_page(viewport={"width": 360, "height": 800})
        seen.set_default_timeout(PATIENCE)
        for event in ("console", "pageerror", "dialog"):
            seen.on(event, lambda fault: faults.append(fault))
        seen.goto(page.as_uri())
        seen.fill("#search", "img")
        assert HOSTILE[:20] in seen.inner_text("tbody") and seen.locator("img").count() == 0
        assert "sgd" not in seen.inner_text("tbody")
        assert seen.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert faults == []
