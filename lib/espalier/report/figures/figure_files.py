"""The file of a figure: whole or not at all, the same for the same figure, with its caption."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError
from espalier.core.process import disk_full

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")
USUAL_FORMAT = "png"
"""The format where none is given."""
_CAPTIONS = {".pdf": "Subject", ".svg": "Description", ".png": "Description"}
"""The key of a file's own data that has the caption, by its ending."""
_DATES = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}


def save(figure: Figure, path: Path, option: str, caption: str = "") -> None:
    """Write a picture whole or not at all. Raises UserError that begins with `option`.

    Its ending says its format. The caption goes into the file's own data, if its format has any.
    """
    ending = path.suffix.lower()
    said = {_CAPTIONS[ending]: caption} if caption and ending in _CAPTIONS else {}
    try:
        with disk_full.reported(path.parent), draft(path) as place:
            figure.savefig(place, metadata={**said, **_DATES.get(ending, {})} or None)
    except (ValueError, OSError) as error:
        raise UserError(f"{option} {path}: {error}") from error
