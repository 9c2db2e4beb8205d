"""The measured numbers of the pages are those of the records."""

from __future__ import annotations

import page_figures
import pytest
import records

from espalier.core.paths import ROOT

EVERY = records.by_name()
PUBLISHED = records.stored(records.PUBLISHED)


@pytest.mark.parametrize("page", page_figures.pages())
def test_page_and_records_agree(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    _, findings = page_figures.examine(page, text, EVERY)
    assert [str(finding) for finding in findings] == []


def test_a_changed_digit_of_any_mark_is_found() -> None:
    texts = {page: (ROOT / page).read_text(encoding="utf-8") for page in page_figures.pages()}
    marks = [m for text in texts.values() for m in page_figures.MARK.finditer(text)]
    recorded = [mark for mark in marks if mark["name"] not in page_figures.UNRECORDED]
    assert len(recorded) > 200
    for mark in recorded:
        text = mark.string
        at = next(i for i in range(mark.start("text"), mark.end("text")) if text[i].isalnum())
        changed = text[:at] + ("8" if text[at] == "9" else "9") + text[at + 1 :]
        assert page_figures.fill(EVERY, mark) == mark["text"]
        new = page_figures.MARK.match(changed, mark.start())
        assert new is not None and page_figures.fill(EVERY, new) != new["text"]


def test_a_published_record_says_where_it_is_from() -> None:
    for record in PUBLISHED:
        page, _, commit = record["source"].partition(" of ")
        assert (ROOT / page).exists() and commit and record["code"]["commit"]


def test_no_published_record_is_of_what_was_measured_since() -> None:
    measured = {record["name"] for record in records.stored()}
    assert [record["name"] for record in PUBLISHED if record["name"] in measured] == []


def test_a_published_p_agrees_with_its_own_interval() -> None:
    for record in PUBLISHED:
        for figure in record["figures"]:
            if figure.get("family") and figure.get("p", 1) < records.ALPHA:
                mean, half_width = abs(figure["mean"]), figure["half_width"]
                places = len(repr(half_width).partition(".")[2])
                assert mean + 10**-places > half_width, figure  # both are rounded on the page


def test_a_conclusion_of_any_page_that_is_turned_round_is_found() -> None:
    turned = {"higher": "lower", "lower": "higher", "no difference": "higher"}
    claims = [
        claim.strip()
        for page in page_figures.pages()
        for rests in page_figures.RESTS.finditer((ROOT / page).read_text(encoding="utf-8"))
        for claim in named(rests["claims"])
    ]
    assert len(claims) > 50
    for claim in claims:
        figure, _, word = claim.rpartition("] ")
        assert list(page_figures.judge(EVERY, claim)) == []
        assert len(list(page_figures.judge(EVERY, f"{figure}] {turned[word]}"))) == 1


def named(claims: str) -> list[str]:
    """Claims with the record that each is of."""
    name, whole = "", []
    for claim in claims.split(";"):
        name = claim.strip().partition("[")[0] or name
        whole.append(f"{name}[{claim.strip().partition('[')[2]}")
    return whole
