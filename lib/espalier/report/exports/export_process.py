"""Export with a tool: in a process of its own, in the environment of the trackers.

The tools do not go with the versions that the rest needs (Trackio wants an older Pillow), take
seconds to import and would like to report home. None of that reaches this process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from signal import Signals
from typing import IO

from espalier.core.errors import UserError
from espalier.core.paths import INSTALLED, LIBRARY, ROOT
from espalier.core.process.terminal import printable
from espalier.core.texts.program_name import how_to_install
from espalier.report.exports import export_worker
from espalier.report.exports.export_formats import TRACKERS
from espalier.report.exports.export_loop import Outcome, ReadBackError
from espalier.report.exports.no_network import offline_environment
from espalier.report.exports.tracked_run import TrackedRun

PYTHON = Path(sys.executable) if INSTALLED else ROOT / ".venv" / "trackers" / "bin" / "python"
LOG = "export.log"
"""What a tool printed, in the folder of the export, where it failed."""
ERROR_LINE = re.compile(r"[\w.]+(Error|Exception): ")
"""How the line of an error begins, behind which a tool may have more to say."""


class MissingTrackersError(UserError):
    """The packages of a tracker are not installed."""

    def __init__(self, missing: object) -> None:
        """`missing` is what is not there: a Python, or a package."""
        installs = how_to_install("trackers")
        super().__init__(f"{missing}: is not there; {installs} installs the trackers")


def export_with(
    name: str,
    runs: Sequence[TrackedRun],
    folder: Path,
    sweep: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Counter[Outcome]:
    """Write runs with a tool into `folder`, and read them back; return what became of them.

    `progress` is called with the number of runs after each. Raises MissingTrackersError,
    ReadBackError, UserError.
    """
    _check_installed(TRACKERS[name].package)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve()
    command = [str(PYTHON), "-P", "-m", export_worker.__name__, name, str(place), sweep]
    with tempfile.TemporaryFile() as lines, tempfile.TemporaryFile() as said:
        for run in runs:
            lines.write(json.dumps(run.as_json()).encode() + b"\n")
        lines.seek(0)
        outcomes, code = _answers(command, (lines, said), place, progress)
        if code or outcomes.total() != len(runs):
            raise _failure(name, place, said, code)
    (folder / LOG).unlink(missing_ok=True)
    return outcomes


def _check_installed(package: str) -> None:
    """Raise MissingTrackersError unless the environment of the trackers is there."""
    if not PYTHON.is_file():
        raise MissingTrackersError(PYTHON)
    if INSTALLED and importlib.util.find_spec(package) is None:
        raise MissingTrackersError(package)


def _answers(
    command: list[str],
    streams: tuple[IO[bytes], IO[bytes]],
    place: Path,
    progress: Callable[[int], None],
) -> tuple[Counter[Outcome], int]:
    """Run the process; return what it answered and its exit code. Raises ReadBackError."""
    lines, said = streams
    outcomes: Counter[Outcome] = Counter()
    environment = offline_environment(dict(os.environ))
    environment |= {"TRACKIO_DIR": str(place), "PYTHONPATH": str(LIBRARY.parent)}
    with subprocess.Popen(
        command, env=environment, stdin=lines, stdout=subprocess.PIPE, stderr=said
    ) as process:
        try:
            for outcome in _outcomes(process.stdout or ()):
                outcomes[outcome] += 1
                progress(outcomes.total())
            process.wait()
        finally:
            process.kill()  # if it still runs: an answer or `progress` was an error
    return outcomes, process.returncode


def _outcomes(lines: Iterable[bytes]) -> Iterator[Outcome]:
    for line in lines:
        text = line.decode().strip()
        if text.startswith("{"):
            raise ReadBackError(printable(json.loads(text)[export_worker.ERROR]))
        yield Outcome(text)


def _failure(name: str, place: Path, said: IO[bytes], code: int) -> UserError:
    """Return the error of a process that stopped, and keep what it printed."""
    said.seek(0)
    text = said.read().decode(errors="replace")
    (place / LOG).write_text(text, encoding="utf-8")
    cause = f"killed by {Signals(-code).name}" if code < 0 else printable(_last_words(text))
    again = "the next export goes on from here"
    return UserError(f"{name} stopped: {cause}; {again}; all that it said: {place / LOG}")


def _last_words(text: str) -> str:
    """Return the last error that a process named, else its last line."""
    lines = [line for line in text.splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in reversed(lines) if ERROR_LINE.match(line)), lines[-1]).strip()
