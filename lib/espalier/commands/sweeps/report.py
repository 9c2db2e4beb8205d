"""`report`: write the reports of a sweep again, or a page that compares several sweeps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from espalier.commands.options.option_types import (
    FOLDERS,
    alpha,
    baseline,
    best_per,
    make_option,
    measure,
    refuse_given,
)
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.comparing.sweep_questions import compare_sweeps
from espalier.report.html.comparison_page import comparison_name, render_comparison_page
from espalier.report.html.report_page import REPORT
from espalier.report.report_request import ReportRequest
from espalier.report.reports import write_files, write_page, write_reports
from espalier.store.locks import runner_of
from espalier.store.results_dir import newest_sweep


@click.command()
@make_option(
    "DIR",
    "--dir",
    "folders",
    type=FOLDERS,
    help="folder of the sweep, or of several by commas  [default: the newest]",
)
@alpha
@measure
@baseline
@best_per
def command(folders: list[Path] | None, alpha: float, **parts: str | None) -> int:
    """Write report.html and the other reports of a sweep again; print the path of the page.

    Of several folders, write a page that compares the first of them with each other one; a baseline
    and the best of each value are of a single sweep.
    """
    chosen = folders or [newest_sweep(RESULTS)]
    request = ReportRequest(**parts)
    if len(chosen) > 1:
        path = _compare(chosen, alpha, request)
    else:
        rule = "is of a comparison; give several folders by commas, or leave it out"
        refuse_given("alpha", f"ALPHA: {rule}")
        path = _report(chosen[0], request)
    print(f"report: {path}")
    return 0


def _report(folder: Path, request: ReportRequest) -> Path:
    """Write the reports of a sweep, or its page alone while a runner has it."""
    (write_page if runner_of(folder) else write_reports)(folder, request)
    return folder / REPORT


def _compare(folders: Sequence[Path], alpha: float, request: ReportRequest) -> Path:
    """Write the page that compares the first of several sweeps with each other one, beside it."""
    if request.baseline or request.best_per:
        raise UserError("BASELINE, BEST_PER: are of one sweep; give one folder, or leave them out")
    first, *others = (open_sweep(folder, request.by) for folder in folders)
    compared = [(compare_sweeps(first, other, alpha), (first, other)) for other in others]
    name = comparison_name(folders[1:])
    write_files(folders[0], {name: render_comparison_page(compared, time.time())})
    return folders[0] / name
