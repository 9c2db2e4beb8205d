"""The process that exports: it runs in the environment of the trackers, offline.

Run by export_process.py: `python -m espalier.report.exports.export_worker FORMAT FOLDER SWEEP`,
with a run as JSON in each line of its input. It answers with a line for each: what became of it, or
`error` and a message, which is the last.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from espalier.core.errors import UserError
from espalier.report.exports.export_formats import TRACKERS
from espalier.report.exports.export_loop import RunWriter, export_runs
from espalier.report.exports.no_network import refuse_network
from espalier.report.exports.tracked_run import TrackedRun

ERROR = "error"
ERROR_CODE = 2


def main(name: str, folder: Path, sweep: str) -> int:
    """Export the runs of standard input; return the exit code."""
    refuse_network()
    os.chdir(folder)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", 1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a tool prints is no answer
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # until this process ends
    try:
        for outcome in export_runs(_runs(sys.stdin), writer(name, sweep)):
            print(outcome, file=answers)
    except UserError as error:
        print(json.dumps({ERROR: str(error)}), file=answers)
        return ERROR_CODE
    return 0


def writer(name: str, sweep: str) -> RunWriter:
    """Return what writes the runs of a sweep into the current folder; the tool is imported now.

    Not every tool can name every folder, but each can write where it is.
    """
    tracker = TRACKERS[name]
    module = importlib.import_module(f"{__package__}.{tracker.module}")
    made: RunWriter = getattr(module, tracker.writer)(sweep)
    return made


def _runs(lines: TextIO) -> Iterator[TrackedRun]:
    for line in lines:
        yield TrackedRun.from_json(json.loads(line))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
