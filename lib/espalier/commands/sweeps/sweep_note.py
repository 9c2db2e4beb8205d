"""`sweep-note`: change the note or the tags of a sweep."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.naming_options import note as note_option
from espalier.commands.options.naming_options import tags as tags_option
from espalier.commands.options.option_types import sweep_dir
from espalier.core.errors import UserError
from espalier.core.names import check_links
from espalier.core.paths import RESULTS
from espalier.plan.sweep_naming import CLEARED, SweepNaming, naming_lines
from espalier.report.html.report_page import REPORT
from espalier.report.reports import write_reports
from espalier.store import plan_files
from espalier.store.locks import runner_of
from espalier.store.results_dir import STORE, newest_sweep
from espalier.store.store import Store


@click.command()
@note_option
@tags_option
@sweep_dir
def command(note: str | None, tags: list[str] | None, folder: Path | None) -> int:
    """Change the note or the tags of a sweep, also while it runs; its name stays.

    Its reports are written again, unless a runner has the sweep: that writes them itself.
    """
    if note is None and tags is None:
        raise UserError(
            'sweep-note: changes nothing; give NOTE="why it was run" or TAGS=a,b, '
            f"or {CLEARED} for either; a name stays, since the folder has it"
        )
    folder = folder or newest_sweep(RESULTS)
    check_links(folder, folder)
    with Store.open(folder / STORE) as store:
        with store.writing():
            store.set_naming(SweepNaming(None, note, tags))
        plan_files.write(folder, store)
        said = naming_lines(store.header)
    print("\n".join([str(folder), *said]))
    print(_renew_reports(folder))
    return 0


def _renew_reports(folder: Path) -> str:
    """Write the reports again unless a runner has the sweep; return what became of them."""
    if runner := runner_of(folder):
        return f"reports: as they were; run by {runner}, which writes them again at its end"
    write_reports(folder)
    return f"reports: written again, with {folder / REPORT}"
