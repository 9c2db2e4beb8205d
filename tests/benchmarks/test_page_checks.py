"""What on a page should have a mark."""

from __future__ import annotations

import pytest
from page_checks import unmarked

RECORDED = "<!-- a[b] -->1.0<!-- / -->"


def findings(text: str) -> list[str]:
    return [str(finding).removeprefix("page.md:") for finding in unmarked("page.md", text)]


@pytest.mark.parametrize(
    "text",
    [
        "It gains +3.5 +/- 1.2 points.",
        "a p of 0.03 is not matched, p 0.03 is",
        "(p = 0.014)",
        "| a | b |\n|---|---|\n| x | 86 % |",
        "| a | b |\n|---|---|\n| x | 3 points |",
        "| a | b |\n|---|---|\n| x | 12 +/- 3 |",
        f"| a | b | c |\n|---|---|---|\n| x | {RECORDED} | 3 of 4 |",
    ],
)
def test_a_typed_number_is_found(text):
    assert len(findings(text)) == 1 and "a number was typed" in findings(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "Half of them, 50 % of the batch, in 20 s.",  # a setting of prose
        "```text\n92.0 +/- 3 %\n```",
        "It prints `92.0 +/- 3`.",
        "It prints\n\n    92.0 +/- 3: no difference\n",
        f"It gains {RECORDED} points.",
        "| a | b |\n|---|---|\n| 5 % density | slow |",  # the first column names
        "| a | criterion |\n|---|---|\n| x | 90 % |",
        "| a | b |\n|---|---|\n| x | 12 units |",
        f"| a | b |\n|---|---|\n| x | {RECORDED} (Evci et al. 2020) |",
        f"| a | b |\n|---|---|\n| x | {RECORDED} of <!-- set -->10<!-- / --> |",
        "| a | b |\n|---|---|\n| x | <!-- tested -->0.0 %<!-- / --> |",
    ],
)
def test_what_is_set_cited_or_marked_is_not(text):
    assert findings(text) == []


def test_a_verdict_says_what_it_rests_on_in_its_row_or_paragraph():
    rests = "<!-- rests on a[b - c] no difference -->"
    assert findings(f"No one: no difference\nfound.\n{rests}\n") == []
    assert findings("\n\nHere no difference was found.\n\nx\n" + rests) == [
        "3: 'no difference was found' does not say what it rests on"
    ]
    rows = f"| a | b |\n|---|---|\n| x | no difference found {rests} |\n| y | was better than z |\n"
    assert findings(rows) == ["4: 'was better than' does not say what it rests on"]


def test_a_comment_that_is_no_mark_is_found():
    assert findings("x\ny <!-- a[b -->1<!-- / -->\n")[0].startswith("2: this is no mark: ")
    assert findings("x <!-- rests upon a[b] higher -->\n") != []


def test_a_mark_does_not_end_a_paragraph():
    broken = "a mark begins the line: Markdown ends the paragraph"
    assert findings(f"It gains\n{RECORDED} points.\n") == [f"2: {broken}"]
    assert findings("So it is.\n<!-- rests on a[b] higher -->\nAnd so on.\n") == [f"2: {broken}"]
    assert findings("<!-- a[table] -->\n| x |\n|---|\n| 1 % |\n<!-- / -->\n") == []
