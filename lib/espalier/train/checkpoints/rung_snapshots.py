"""The snapshots at which trials pause. Nothing here needs torch: the runner removes them too."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from espalier.core.trial import RUNG, SNAPSHOTS


def remove_rung_snapshots(directory: Path) -> None:
    """Remove what a trial in this folder has paused with; its other snapshots stay."""
    for manifest in (directory / SNAPSHOTS).glob("epoch_*.json"):
        if _is_of_rung(manifest):
            manifest.unlink(missing_ok=True)
            manifest.with_suffix(".pt").unlink(missing_ok=True)
    with suppress(OSError):  # others are there, or it never was
        (directory / SNAPSHOTS).rmdir()


def _is_of_rung(manifest: Path) -> bool:
    try:
        return bool(json.loads(manifest.read_text(encoding="utf-8"))["reason"] == RUNG)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
