"""`figures`: draw the figures of a sweep, for a paper, a page or a talk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from espalier.commands.options.option_types import (
    PATH,
    POSITIVE,
    OneOf,
    baseline,
    given_place,
    make_option,
    measure,
    place,
    sweep_dir,
    together,
)
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.process import disk_full
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_files import FORMATS, USUAL_FORMAT
from espalier.report.figures.figure_input import figure_input, parse_wishes
from espalier.report.figures.figure_kinds import (
    KINDS,
    FigureKind,
    KindError,
    draw_all,
    kinds_of,
    write_figure,
)
from espalier.report.figures.figure_style import STYLES, USUAL, FigureStyle, resized
from espalier.store.results_dir import newest_sweep

FOLDER = "figures"
"""Where figures go, in the folder of the sweep."""


class KindsType(click.ParamType[Any]):
    """Kinds of figures by commas."""

    name = "kind,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[FigureKind]:
        """Return the kinds, each once. Raises UserError for a name that is none."""
        try:
            return kinds_of(value)
        except KindError as error:
            raise UserError(f"{place(param, error.name, ctx)}: {error.rule}") from None


wish_options = together(
    make_option("BY", "--group-by", "by_symbols", default="", help="symbols that part series"),
    make_option("X", "--x", help="symbol or measure along the foot"),
    make_option("Y", "--y", help="symbol or measure along the side"),
    make_option("TOP", "--top", type=POSITIVE, help="how many of the best to draw"),
    baseline,
    make_option(
        "LABELS", "--labels", default="", help='words: "val_acc=Accuracy;TARGET_SPARSITY=Sparsity"'
    ),
)
style_options = together(
    make_option("STYLE", "--style", type=OneOf([*STYLES]), default=USUAL, help="size of all"),
    make_option("SIZE", "--size", help="width and height in inches, as 3.4x2.6"),
    make_option("DPI", "--dpi", type=POSITIVE, help="dots per inch of a png"),
)


@click.command()
@sweep_dir
@make_option(
    "KIND",
    "--kind",
    "kinds",
    type=KindsType(),
    help=f"which, by commas: {', '.join(KINDS)}  [default: all it has]",
)
@make_option(
    "FORMAT", "--format", "form", type=OneOf(FORMATS), default=USUAL_FORMAT, help="of the files"
)
@style_options
@measure
@wish_options
@make_option("TITLE", "--title", default="", help="a title above each figure")
@make_option("OUT", "--out", type=PATH, help="folder for the files  [default: in the sweep's]")
def command(  # noqa: PLR0913  # the variables of make figures
    folder: Path | None,
    kinds: list[FigureKind] | None,
    form: str,
    by: str | None,
    title: str,
    out: Path | None,
    **given: Any,
) -> int:
    """Draw the figures of a sweep, a file each, and print what is drawn.

    Without KIND all that the sweep has are drawn, and of the others it is said why not. Of the
    folder of a seed finder its one figure is drawn.
    """
    style = resized(STYLES[given.pop("style")], given.pop("size"), given.pop("dpi"))
    source = figure_input(folder or newest_sweep(RESULTS), by, parse_wishes(**given))
    out = out or source.folder / FOLDER
    if out.exists() and not out.is_dir():
        raise UserError(f"OUT={out}: is a file; OUT must name a folder")
    drawn, missing = draw_all(source, style, kinds or KINDS.values(), title)
    if kinds and missing:
        name, reason = next(iter(missing.items()))
        raise UserError(f"{given_place('kinds', name)}: {reason}")
    for name, each in drawn.items():
        _write(each, out / f"{name}.{form}", style)
    for name, reason in missing.items():
        print(f"{name}: not drawn: {reason}")
    return 0 if drawn else 1


def _write(drawn: DrawnFigure, path: Path, style: FigureStyle) -> None:
    """Write a figure; print its path, its caption, and what a look at it finds."""
    with disk_full.reported(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    print(f"{path.stem}: {write_figure(drawn, path, style, 'OUT')}\n  {drawn.caption}")
    for line in look_at(drawn.figure):
        print(f"  warning: {line}")
