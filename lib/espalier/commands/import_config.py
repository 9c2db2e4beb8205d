"""`import-config`: write a preset of another program in our symbols."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import PATH, make_option
from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE


@click.command()
@click.argument("source", type=PATH, metavar="FROM", help="preset, .config or range file to read")
@make_option(
    "OUT", "--out", type=PATH, help="file to write  [default: the terminal, where one is enough]"
)
def command(source: Path, out: Path | None) -> int:
    """Write a preset of mcgrof/AdamWPrune as a range file in our symbols.

    A preset whose values go by the model or the optimizer is several range files: OUT-1, OUT-2 ...
    """
    from espalier.core.atomic_write import atomic_write
    from espalier.kconfig.foreign import foreign_text

    if not str(source).strip("."):
        raise UserError(f"FROM names no file; {MAKE} import-config FROM=<preset>")
    texts = foreign_text.imported(source)
    if out is None:
        print(foreign_text.only(texts, source), end="")
        return 0
    files = foreign_text.files(texts, out)
    foreign_text.check_not(source, files)
    for path, text in files.items():
        atomic_write(path, text)
        print(f"Wrote {path}")
    return 0
