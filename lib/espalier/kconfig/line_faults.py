"""Faults of the lines of a file, collected so that all of them are reported together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from espalier.core.errors import MOST_SHOWN, UserError, UserErrors

LONGEST = 200
"""Characters of a file's line that an error shows."""


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def shorten(text: str) -> str:
    """Return `text`, or the beginning of a very long one, to be shown in an error."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


class LineError(UserError):
    """A fault of one line; its text begins with the place."""

    def __init__(self, place: Place, text: str) -> None:
        """Say what is wrong at `place`."""
        super().__init__(f"{place}: {text}")
        self.place = place


class Faults:
    """Collects the faults of files, so that one run shows them all."""

    def __init__(self) -> None:
        self._errors: list[UserError] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep the UserError of a block, which ends there, instead of raising it."""
        try:
            yield
        except UserError as error:
            self.add(error)

    def add(self, error: UserError) -> None:
        """Keep an error that is new. Raises all of them once they are more than are shown."""
        if str(error) in map(str, self._errors):
            return
        self._errors.append(error)
        if len(self._errors) > MOST_SHOWN:
            self.check()

    def check(self) -> None:
        """Raise what was collected: an error as it is, or several by file and line."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            files = list(dict.fromkeys(map(_file, self._errors)))
            self._errors.sort(key=lambda error: (files.index(_file(error)), _line(error)))
            raise UserErrors(self._errors)


def _file(error: UserError) -> str:
    return error.place.path if isinstance(error, LineError) else ""


def _line(error: UserError) -> int:
    return error.place.line if isinstance(error, LineError) else 0
