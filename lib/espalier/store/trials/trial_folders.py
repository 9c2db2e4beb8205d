"""The files in a trial's folder when the trial is run again, or comes from another sweep.

What an attempt left is never mixed with what the next one leaves: a snapshot would be gone on from,
and an old model would lie beside a new result.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from espalier.core.trial import LOG, SNAPSHOTS
from espalier.store.attempt import TAKEN_OVER
from espalier.store.results_dir import CONFIG, SweepDir
from espalier.store.sweep_files import METRICS

EARLIER = "attempt_"
"""How the name of a folder begins that holds what an earlier attempt left."""
_DRAFT = ".taken_over."
_REWRITTEN = (CONFIG, METRICS)  # from the store


def set_aside(directory: Path, attempt: int) -> None:
    """Move what a trial's attempts up to this one left into the folder `attempt_N` of the trial's.

    The log stays, since every attempt adds to it, and so does the snapshot that a branch of another
    trial begins at. Doing it twice does no harm.
    """
    place = directory / f"{EARLIER}{attempt}"
    for path in list(_left(directory)):
        target = place / path.relative_to(directory)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.name in _REWRITTEN:
            shutil.copy2(path, target)  # until the next attempt has ended, this one counts
        else:
            path.replace(target)


def _left(directory: Path) -> Iterator[Path]:
    """Yield the files of a trial that belong to its attempts so far."""
    starts = {path.stem for path in (directory / SNAPSHOTS).glob("*.json") if _is_branch(path)}
    for path in directory.rglob("*"):
        inner = path.relative_to(directory)
        archived = inner.parts[0].startswith(EARLIER) and len(inner.parts) > 1
        start = inner.parts[0] == SNAPSHOTS and path.stem in starts
        if path.is_file() and not archived and not start and inner != Path(LOG):
            yield path


def _is_branch(manifest: Path) -> bool:
    try:
        return "branch" in json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def copy_as_draft(source: Path, target: Path, heading: str) -> None:
    """Copy a trial's folder to a draft of `target`, for `place_drafts`. Raises OSError.

    `heading` says in the log where it comes from. Large files become links to the same content:
    they are only ever replaced as a whole. Symbolic links stay behind: they could lead anywhere.
    """
    draft = target.with_name(f"{_DRAFT}{target.name}")
    shutil.rmtree(draft, ignore_errors=True)
    if source.is_dir() and not source.is_symlink():  # its result does not need it
        shutil.copytree(source, draft, ignore=_ignored, copy_function=_link_or_copy)
    draft.mkdir(exist_ok=True)
    with (draft / LOG).open("a", encoding="utf-8") as log:
        log.write(f"== {heading}\n")


def _ignored(folder: str, names: Sequence[str]) -> list[str]:
    return [
        name
        for name in names
        if name in _REWRITTEN or name.startswith(EARLIER) or Path(folder, name).is_symlink()
    ]


def _link_or_copy(source: str, target: str) -> None:
    if source.endswith(".pt"):
        with suppress(OSError):  # another disk, or one without links
            os.link(source, target, follow_symlinks=False)
            return
    shutil.copy2(source, target, follow_symlinks=False)


def place_drafts(sweep: SweepDir) -> None:
    """Put drafts of results that were taken over in their places; remove the others.

    What a killed runner left half done is thereby done, or never was.
    """
    drafts = list(sweep.folder.glob(f"{_DRAFT}*"))
    attempts = sweep.store.attempts() if drafts else []
    taken = {item.trial for item in attempts if item.round == TAKEN_OVER}
    places = {sweep.directory(number).name for number in taken}
    for draft in drafts:
        place = sweep.folder / draft.name.removeprefix(_DRAFT)
        if place.name in places and not place.exists():
            draft.rename(place)
        else:
            shutil.rmtree(draft, ignore_errors=True)
