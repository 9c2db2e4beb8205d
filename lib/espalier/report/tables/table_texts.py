"""Tables as text: LaTeX with booktabs, Markdown, and CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

from espalier.analysis.rank import Ranking
from espalier.core.errors import UserError
from espalier.report.frames.sweep_frames import measures_frame
from espalier.report.tables.best_per_cells import best_per_cells
from espalier.report.tables.escaping import escape_csv, escape_latex, escape_markdown
from espalier.report.tables.ranking_cells import CellTable, TableCell, ranking_cells


def latex_table(table: CellTable) -> str:
    """Return a `table` of LaTeX, which needs the package booktabs."""
    columns = "l" * table.texts + "r" * (len(table.heading) - table.texts)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and, before LaTeX of 2020, \usepackage{textcomp}",
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{' '.join(escape_latex(line) + '.' for line in table.caption)}}}",
            rf"  \begin{{tabular}}{{{columns}}}",
            r"    \toprule",
            _latex_row(map(escape_latex, table.heading)),
            r"    \midrule",
            *(_latex_row(map(_latex_cell, row)) for row in table.rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            *(rf"  \par\footnotesize$^{{{m}}}$ {escape_latex(t)}" for m, t in table.notes.items()),
            r"\end{table}",
            "",
        ]
    )


def markdown_table(table: CellTable) -> str:
    """Return a table of Markdown, with its caption below."""
    rules = ["---"] * table.texts + ["---:"] * (len(table.heading) - table.texts)
    notes = [f"<sup>{mark}</sup> {escape_markdown(text)}" for mark, text in table.notes.items()]
    lines = [
        _markdown_row(map(escape_markdown, table.heading)),
        _markdown_row(rules),
        *(_markdown_row(map(_markdown_cell, row)) for row in table.rows),
        "",
        " ".join(escape_markdown(line) + "." for line in table.caption),
    ]
    return "\n".join([*lines, *(line for note in notes for line in ("", note)), ""])


def csv_table(ranking: Ranking, top: int | None = None) -> str:
    """Return the ranking as CSV: its frame (see `ranking_frame`), and all measures.

    Nothing is rounded; what is missing is empty.
    """
    frame = measures_frame(ranking).head(top) if top else measures_frame(ranking)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(escape_csv, frame.columns))
    columns = [frame[name].astype(object).where(frame[name].notna(), "") for name in frame.columns]
    writer.writerows([_csv_cell(value) for value in row] for row in zip(*columns, strict=True))
    return file.getvalue()


MARKUP: dict[str, Callable[[CellTable], str]] = {"markdown": markdown_table, "latex": latex_table}
FORMATS = ("csv", *MARKUP)


def ranking_text(ranking: Ranking, form: str, top: int | None = None) -> str:
    """Return the first `top` configurations of a ranking, or all, in one of FORMATS."""
    return MARKUP[form](ranking_cells(ranking, top)) if form in MARKUP else csv_table(ranking, top)


def best_per_text(ranking: Ranking, form: str, symbols: str) -> str:
    """Return the table of a text of BEST_PER in one of MARKUP. Raises UserError for another."""
    if form not in MARKUP:
        rule = f"goes with FORMAT={' or '.join(MARKUP)}; csv has every configuration anyway"
        raise UserError(f"BEST_PER={symbols}: {rule}")
    return MARKUP[form](best_per_cells(ranking, symbols))


def _csv_cell(value: object) -> object:
    return escape_csv(value) if isinstance(value, str) else value


def _latex_row(cells: Iterable[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _latex_cell(cell: TableCell) -> str:
    text = escape_latex(cell.text)
    if cell.half_width:
        text = rf"{text} $\pm$ {escape_latex(cell.half_width)}"
    return _marked(cell, text, r"\textbf{{{}}}", "$^{{{}}}$")


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: TableCell) -> str:
    text = escape_markdown(cell.text)
    if cell.half_width:
        text = f"{text} ± {escape_markdown(cell.half_width)}"
    return _marked(cell, text, "**{}**", "<sup>{}</sup>")


def _marked(cell: TableCell, text: str, bold: str, raised: str) -> str:
    """Return a cell's text with what is said of it: in bold, its own n, the mark of its note."""
    shown = bold.format(text) if cell.bold else text
    own = f" (n={cell.n})" if cell.n is not None else ""
    return shown + own + (raised.format(cell.mark) if cell.mark else "")
