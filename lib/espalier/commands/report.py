"""`report`: write the reports of a sweep again, or a page that compares several sweeps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from espalier.commands.options.option_types import alpha, make_option, measure
from espalier.commands.sweep_compare import compare
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.report.html.comparison_page import comparison_name, render_comparison_page
from espalier.report.html.report_page import REPORT
from espalier.report.reports import write_page, write_reports
from espalier.store.locks import runner_of
from espalier.store.results_dir import newest_sweep


@click.command()
@make_option(
    "DIR",
    "--dir",
    "folders",
    help="folder of the sweep, or of several by commas  [default: the newest]",
)
@alpha
@measure
def command(folders: str | None, alpha: float, by: str | None) -> int:
    """Write report.html and the other reports of a sweep again; print the path of the page.

    Of several folders, write a page that compares the first of them with each other one.
    """
    chosen = split_folders(folders) or [newest_sweep(RESULTS)]
    path = _report(chosen[0], by) if len(chosen) == 1 else _compare(chosen, alpha, by)
    print(f"report: {path}")
    return 0


def split_folders(text: str | None) -> list[Path]:
    """Return the folders that a text names, by commas; a folder whose name has commas is one.

    Raises UserError if a name between commas is empty.
    """
    if not text:
        return []
    if Path(text).is_dir():
        return [Path(text)]
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UserError(f"DIR={text}: names an empty folder; give DIR=<folder>,<folder>")
    return [Path(name) for name in names]


def _report(folder: Path, by: str | None) -> Path:
    """Write the reports of a sweep, or its page alone while a runner has it."""
    (write_page if runner_of(folder) else write_reports)(folder, by)
    return folder / REPORT


def _compare(folders: Sequence[Path], alpha: float, by: str | None) -> Path:
    """Write the page that compares the first of several sweeps with each other one, beside it."""
    first, *others = folders
    compared = [compare(first, other, alpha, by) for other in others]
    path = first / comparison_name(others)
    atomic_write(path, render_comparison_page(compared, time.time()))
    return path
