"""A translated preset as text: range files, whose leading comments say what was read and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE
from espalier.kconfig import range_file, requests, tree
from espalier.kconfig.foreign import foreign_config, foreign_table
from espalier.kconfig.foreign.foreign_config import Translation
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import Symbols

_BARE = re.compile(r"[\w.+-]+")


def imported(source: Path) -> list[str]:
    """Return the range files that a preset of another program means.

    Raises UserError if it is none, or cannot be translated.
    """
    symbols = Symbols(tree.parse())
    settings = range_file.read(source)
    translation = foreign_config.translate(symbols, settings)
    if translation.parts == [settings]:
        program = foreign_table.load().program
        raise UserError(f"{source}: has no symbol that only {program} knows; it needs no import")
    for part in translation.parts:
        requests.from_settings(symbols, part)
    return [_text(source, translation, part) for part in translation.parts]


def only(texts: Sequence[str], source: Path) -> str:
    """Return the one text. Raises UserError if there are several: they cannot be one file."""
    if len(texts) > 1:
        raise UserError(
            f"{source}: means {len(texts)} range files, since some of its values go by the model "
            f"or the optimizer; {MAKE} import-config FROM={source} OUT=<file> writes them"
        )
    return texts[0]


def files(texts: Sequence[str], out: Path) -> dict[Path, str]:
    """Return the texts by the file that each belongs into: `out`, or `out`-1 and on."""
    if out.is_dir():
        raise UserError(f"{out}: is a folder; OUT must name a file")
    if not out.parent.is_dir():
        raise UserError(f"{out.parent}: no such folder; OUT must name a file in one that is there")
    if len(texts) == 1:
        return {out: texts[0]}
    return {out.with_name(f"{out.name}-{n}"): text for n, text in enumerate(texts, start=1)}


def check_not(source: Path, files: Iterable[Path]) -> None:
    """Raise UserError if the preset itself is among the files to write."""
    for path in files:
        if path.exists() and path.samefile(source):
            raise UserError(f"{path}: is the preset that is read; OUT must name another file")


def _text(source: Path, translation: Translation, part: Sequence[Setting]) -> str:
    number = translation.parts.index([*part]) + 1
    several = f", part {number} of {len(translation.parts)}" if len(translation.parts) > 1 else ""
    lines = [f"Imported from {source}{several}", *translation.notes]
    comment = "".join(f"# {' '.join(line.split())}\n" for line in lines)
    return comment + "\n" + "".join(map(_line, part))


def _line(setting: Setting) -> str:
    values = "|".join(map(_quoted, setting.values))
    return f"CONFIG_{setting.symbol}={values}\n"


def _quoted(value: str) -> str:
    return value if _BARE.fullmatch(value) else range_file.quote(value)
