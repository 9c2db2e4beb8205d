"""Numbers of pages: what marks are filled with, and what is wrong with a page."""

from __future__ import annotations

import json

import page_figures
import pytest
from page_figures import Measured, P, examine

COMPARISON = {"what": "rigl - static", "unit": "points", "family": "digits", "n": 10}
COMPARISON |= {"mean": 8.14, "half_width": 2.36, "value": 8.732}
LEVEL = {"what": "static", "unit": "%", "n": 10, "mean": 86.11, "half_width": 2.25}
NONE = {**COMPARISON, "what": "set - dsr", "mean": -0.4, "half_width": 0.9}
SPARSE = {
    "name": "sparse",
    "when": "2026-01-02T03:04:05",
    "code": {"commit": "1997501aaaa"},
    "notes": ["why it ended: gain: 9, time: 1"],
    "texts": {"table": "| a |\n|---|\n| 1 % |"},
    "figures": [COMPARISON, LEVEL, NONE],
}
EVERY = {"sparse": SPARSE}
END = "<!-- / -->"


def wrong(text: str) -> list[str]:
    return [str(finding) for finding in examine("page.md", text, EVERY)[1]]


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("sparse[rigl - static]", "+8.1 +/- 2.4"),
        ("sparse[static]", "86.1 +/- 2.3"),  # 2.25 is rounded as people do
        ("sparse[rigl - static] {mean:+.2f}, p {p} ({family})", "+8.14, p 5e-5 (2)"),
        ("sparse[rigl - static] {median} (n={n})", "8.73 (n=10)"),
        ("sparse[why it ended] {text}", "gain: 9, time: 1"),
        ("sparse {commit}, {date}", "1997501, 2026-01-02"),
        ("sparse[table]", "\n| a |\n|---|\n| 1 % |\n"),
    ],
)
def test_a_mark_is_filled_with_what_the_record_has(mark, text):
    before, after = f"x <!-- {mark} -->old{END}.\n", f"x <!-- {mark} -->{text}{END}.\n"
    assert examine("page.md", before, EVERY)[0] == after
    assert examine("page.md", after, EVERY) == (after, [])


def test_a_changed_digit_is_found_with_its_place():
    text = f"# Page\n\n| a | b |\n|---|---|\n| x | <!-- sparse[static] -->86.2 +/- 2.3{END} |\n"
    assert wrong(text) == ["page.md:5: the page says '86.2 +/- 2.3', the record '86.1 +/- 2.3'"]


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("other[static]", "there is no record 'other'"),
        ("sparse[dynamic]", "the record 'sparse' has no figure 'dynamic'"),
        ("sparse[static] {high}", "'{high}' does not suit 'static': 'high'"),
        ("sparse[static] p {p}", "'p {p}' does not suit 'static': 'p'"),  # it is no comparison
        ("sparse[static] {mean:q}", "does not suit 'static'"),
        ("sparse", "the mark of 'sparse' names neither a figure nor a form"),
    ],
)
def test_a_mark_that_no_record_bears_out_is_found_and_left_alone(mark, message):
    text = f"x <!-- {mark} -->86.1{END}\n"
    new, (finding,) = examine("page.md", text, EVERY)
    assert new == text
    assert message in str(finding)


@pytest.mark.parametrize(
    "claims",
    ["sparse[rigl - static] higher", "sparse[rigl - static] higher;\n[set - dsr] no difference"],
)
def test_a_conclusion_that_its_record_supports(claims):
    assert wrong(f"RigL is better than edges that stay.\n<!-- rests on {claims} -->\n") == []


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("sparse[rigl - static] lower", "the conclusion says 'lower', the record 'higher'"),
        ("sparse[set - dsr] higher", "the conclusion says 'higher', the record 'no difference'"),
        ("sparse[static] higher", "'static' of 'sparse' is no comparison"),
        ("sparse[set - rigl] higher", "has no figure 'set - rigl'"),
        ("gone[rigl - static] higher", "there is no record 'gone'"),
        ("it is plain to see", "'it is plain to see' is no claim"),
        ("[rigl - static] higher", "there is no record ''"),
    ],
)
def test_a_conclusion_that_its_record_does_not_support(claim, message):
    (finding,) = wrong(f"So it is.\n<!-- rests on {claim} -->\n")
    assert finding.startswith("page.md:2: ")
    assert message in finding


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.996, "1"),
        (0.2, "0.2"),
        (0.214, "0.21"),
        (0.0134, "0.013"),
        (0.00052, "0.0005"),
    ]
    + [(0.00153, "0.0015"), (5.6e-8, "6e-8"), (0.0, "0")],
)
def test_p_is_shown_as_people_write_it(value, text):
    assert f"{P(value)}" == text


def test_numbers_are_rounded_from_their_digits():
    assert (
        f"{Measured(2.05):.1f} {Measured(-38.85):+.1f} {Measured(1050):,.0f}" == "2.1 -38.9 1,050"
    )
    assert f"{Measured(0.93457)}" == "0.935"


def test_every_page_is_covered_but_the_one_that_is_written_as_a_whole():
    pages = page_figures.pages()
    assert {"README.md", "CONTRIBUTING.md", "docs/growth.md", "docs/results.md"} <= {*pages}
    assert "docs/benchmarks.md" not in pages


def test_the_program_writes_pages_and_says_what_is_left(tmp_path, monkeypatch, capsys):
    page, folder = tmp_path / "page.md", tmp_path / "published"
    page.write_text(f"<!-- sparse[static] -->0{END} and 1 +/- 2\n", encoding="utf-8")
    folder.mkdir()
    (folder / "page.json").write_text(json.dumps(EVERY), encoding="utf-8")
    monkeypatch.setattr(page_figures, "ROOT", tmp_path)
    monkeypatch.setattr(page_figures.records, "PUBLISHED", folder)
    monkeypatch.setattr("sys.argv", ["page_figures.py", "--check"])
    before = page.read_text(encoding="utf-8")
    assert page_figures.main() == 1
    assert page.read_text(encoding="utf-8") == before
    assert "the page says '0', the record '86.1 +/- 2.3'" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["page_figures.py"])
    assert page_figures.main() == 1
    assert page.read_text(encoding="utf-8").startswith(f"<!-- sparse[static] -->86.1 +/- 2.3{END}")
    said = capsys.readouterr().out
    assert "the page says" not in said and "a number was typed: '1 +/- 2'" in said
