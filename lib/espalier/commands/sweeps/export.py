"""`export`: the trials of a sweep as runs of a tracker of experiments, or as CSV."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import click

from espalier.commands.options.option_types import PATH, OneOf, make_option, sweep_dir
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.process import disk_full
from espalier.core.texts.count_text import count_text
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.exports.csv_tables import COLUMNS, frames_of, write_csv
from espalier.report.exports.export_formats import CSV, FORMATS, TRACKERS
from espalier.report.exports.export_loop import counted
from espalier.report.exports.export_process import export_with
from espalier.report.exports.sweep_runs import left_out, read_sweep, tracked_runs
from espalier.store.results_dir import newest_sweep

EXPORTS = "exports"
STRIDE = 500


@click.command()
@make_option("TO", "--to", "form", type=OneOf(FORMATS), required=True, help="what to write for")
@sweep_dir
@make_option(
    "OUT", "--out", type=PATH, help="folder to write  [default: exports/<format> in the sweep's]"
)
def command(form: str, folder: Path | None, out: Path | None) -> int:
    """Write the trials of a sweep for another tool, and read them back with that tool's library.

    Whatever comes back otherwise is an error. A second export adds what has ended since. Nothing is
    sent anywhere.
    """
    chosen = folder or newest_sweep(RESULTS)
    place = out or chosen / EXPORTS / form
    if place.exists() and not place.is_dir():
        raise UserError(f"OUT={place}: is a file; OUT must name a folder")
    with disk_full.reported(place.parent):
        (_export_csv if form == CSV else _export_runs)(form, chosen, place)
    return 0


def _export_csv(_: str, folder: Path, place: Path) -> None:
    frames = frames_of(open_sweep(folder))
    write_csv(frames, place)
    rows = ", ".join(f"{name} {len(frame):,} rows" for name, frame in frames.items())
    print(f"Wrote {place}: {rows}; pandas reads all of it back with {COLUMNS}")


def _export_runs(form: str, folder: Path, place: Path) -> None:
    sweep = read_sweep(folder)
    runs = tracked_runs(sweep)
    outcomes = export_with(form, runs, place, sweep.name, _show_progress(len(runs)))
    print(f"Wrote {place}: {count_text(len(runs), 'run')}, {counted(outcomes)}")
    print("Read back equal: every symbol, measure and history value")
    if waiting := left_out(sweep.results):
        print(f"Not in it: {count_text(waiting, 'trial')} that did not run to an end yet")
    print(f"To look at it: {TRACKERS[form].look.format(shlex.quote(str(place)))}")


def _show_progress(total: int) -> Callable[[int], None]:
    """Return what prints a line at every STRIDE runs, since thousands take minutes."""

    def show(done: int) -> None:
        if done % STRIDE == 0 and done < total:
            print(f"{done:,} of {total:,} runs", flush=True)

    return show
