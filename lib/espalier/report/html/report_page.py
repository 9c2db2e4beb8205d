"""report.html: the page of a sweep."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from espalier.analysis.rank import TrialResult
from espalier.core.texts.program_name import MAKE
from espalier.core.texts.utc_time import utc_text
from espalier.core.trial import LOG, Record
from espalier.report import failure_rows, ranking_rows
from espalier.report.html import page_assets, page_words
from espalier.report.html.curve_data import curves_data
from espalier.report.html.data_block import data_block
from espalier.report.html.effects_data import effects_data
from espalier.report.html.forest_data import forest_data
from espalier.report.html.growth_data import growth_data
from espalier.report.html.mask_data import mask_data
from espalier.report.html.page_input import PageInput
from espalier.report.html.provenance_rows import provenance_rows
from espalier.report.html.ranking_data import ranking_data
from espalier.report.templates import PAGE, render_html

REPORT = "report.html"
TOP = 10
"""Configurations that stand in the page without its program."""
LISTED = 50
"""Groups of failures that the page has; all are in sweep_summary.json."""
RELOADED = 30
"""Seconds after which a page of a running sweep is loaded again."""


def render_page(page: PageInput) -> str:
    """Return the text of report.html."""
    bad = failure_rows.not_passed(page.results)
    return render_html(
        PAGE,
        policy=page_assets.policy(),
        style=page_assets.style(),
        program=page_assets.program(),
        data=data_block(page_data(page)),
        page=page,
        words=page_words,
        events=page_words.event_lines(page),
        written=utc_text(page.written),
        rows=ranking_rows.ranking_table(page.ranking, TOP),
        failures=failure_rows.grouped_failures(bad),
        failure_rows=failure_rows,
        bad=len(bad),
        failed_again=_again(page, _statuses(bad)),
        log=lambda item: f"{page.directories[item.trial.number]}/{LOG}",
        LISTED=LISTED,
        provenance=provenance_rows(page),
    )


def _again(page: PageInput, trials: str) -> str:
    """Return the command that runs trials of the sweep again, as a shell reads it."""
    words = [f"{MAKE} sweep-again", trials, f"DIR={shlex.quote(str(page.folder))}"]
    return " ".join(filter(None, words))


def _statuses(items: Sequence[TrialResult]) -> str:
    return f"STATUS={','.join(sorted({item.result.status for item in items}))}"


def page_data(page: PageInput) -> Record:
    """Return what the page's program draws, as plain data."""
    return {
        "again": _again(page, ""),
        "reload": RELOADED if page.running else 0,
        "written": page.written,
        "ranking": ranking_data(page.ranking, page.every),
        "forest": forest_data(page.ranking, page.compared, page.every, page.beside),
        "curves": curves_data(page.ranking, page.every),
        "effects": effects_data(page.ranking),
        "growth": growth_data(page),
        "masks": mask_data(page),
    }
