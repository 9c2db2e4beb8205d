"""One try at a trial that is a program: the program, what it reports, and what comes of it."""

from __future__ import annotations

import math
import os
import re
import shlex
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core.process import process_memory
from espalier.core.process.exits import describe_exit, last_line
from espalier.core.process.terminal import printable
from espalier.core.records import Provenance
from espalier.core.trial import EPOCHS, Emit, Result, Status, Task, has_rungs
from espalier.scripts import (
    command_template,
    script_identity,
)
from espalier.scripts.epoch_records import EPOCH, EpochRecords
from espalier.scripts.programs import program_environment, supervised_program
from espalier.scripts.programs.measures_file import MeasuresFile
from espalier.scripts.programs.output_pattern import SYMBOL as PATTERN
from espalier.scripts.programs.output_pattern import OutputPattern, compile_pattern
from espalier.scripts.programs.output_tap import STDOUT, OutputTap
from espalier.scripts.programs.supervised_program import Invocation, RunningProgram

TICK = 0.1
"""Seconds between two looks at what a program that runs has reported."""
_OUT_OF_MEMORY = re.compile(r"([\w.]+\.)?(OutOfMemoryError|MemoryError)\b|CUDA .*out of memory")


class EnoughError(Exception):
    """A program has run for as long as it was to be watched."""


@dataclass(frozen=True)
class _Ending:
    """How a program has ended, and the byte of the log at which its output began."""

    code: int
    start: int
    starved: bool  # whether the kernel has killed processes for lack of memory


class ScriptAttempt:
    """A try at a trial, from its task to its result."""

    def __init__(self, task: Task, emit: Emit, limit: float = math.inf) -> None:
        """Prepare the program, which is broken off after `limit` seconds.

        Raises UserError for a command or a pattern that is none, OSError.
        """
        self._task, self._emit = task, emit
        self._program, self._pattern = program_of(task), pattern_of(task)
        self._end = time.monotonic() + limit
        self._file = MeasuresFile(task.directory / program_environment.LOG)
        program_environment.write_symbols(task)
        earlier = self._file.earlier() if task.attempts[0] > 1 else []
        self.records = EpochRecords(epochs_of(task), earlier)
        self._has_rungs = has_rungs(task.settings)

    def run(self, provenance: Provenance) -> Result:
        """Run the program to its end and return the result.

        Raises CannotStartError, BadMeasureError for a measure that is none, EnoughError when its
        time is up, SupervisorLostError, OSError.
        """
        print(f"== $ {printable(shlex.join(self._program.arguments))}", flush=True)
        start, kills = _size(self._task.log), process_memory.kills()
        code = self._run_plain() if self._pattern is None else self._run_tapped(self._pattern)
        ending = _Ending(code, start, process_memory.kills() > kills)
        result = self.records.result(self._task.settings["RANK_BY"], provenance)
        if code and result.status is not Status.FAILED:
            return self._failure(ending, result)
        if self._pattern is not None and not self.records.measures():
            return replace(result, message=self._pattern.why_unmatched())
        return result

    def _failure(self, ending: _Ending, result: Result) -> Result:
        """Return the result of a program that has ended badly."""
        said = last_line(self._task.log, start=ending.start)
        how, reason = describe_exit(ending.code), "crash"
        starved = ending.starved and ending.code == -signal.SIGKILL
        if starved or _OUT_OF_MEMORY.match(said):
            how, reason = f"{how} for lack of memory", "oom"
        message = f"its program {how}: {said}"
        return replace(result, status=Status.ERROR, reason=reason, message=message, measures={})

    def _run_plain(self) -> int:
        """Run the program, which prints to where this process prints; return its exit code."""
        with supervised_program.running(self._program, STDOUT) as running:
            while (code := running.wait(TICK)) is None:
                self._take_in()
            self._take_in(code)
        return code

    def _run_tapped(self, pattern: OutputPattern) -> int:
        """Run the program, whose output is searched on its way; return its exit code."""
        with (
            OutputTap.opened(pattern, self._file.append) as tap,
            supervised_program.running(self._program, tap.output) as running,
        ):
            tap.release()
            running.watch(tap.reading)
            while (code := running.wait(TICK)) is None:
                self._pass_on(tap, running)
                self._take_in()
            tap.finish()
            self._take_in(code)
        return code

    @staticmethod
    def _pass_on(tap: OutputTap, running: RunningProgram) -> None:
        if not tap.ended:
            tap.pass_on()
            if tap.ended:  # the program has closed its output, and goes on
                running.unwatch(tap.reading)

    def _take_in(self, code: int | None = None) -> None:
        """Take in what has been reported; emit the epoch that it came to.

        Where trials stop at rungs, every epoch is emitted, lest the score at a rung be a later one.
        `code` is how the program has ended: one that was killed may have left a part of a line.
        """
        latest = None
        for given in self._file.records(ended=code == 0):
            record = self.records.add(given)
            if latest and record and self._has_rungs and record[EPOCH] != latest[EPOCH]:
                self._emit(latest)
            latest = record or latest
        if latest is not None:
            self._emit(latest)
        if code is None and time.monotonic() > self._end:
            raise EnoughError


def program_of(task: Task) -> Invocation:
    """Return the program of a trial.

    Raises UserError for a command that is none, and for files that are not as they were planned.
    """
    script_identity.check_unchanged(task.trial.config, task.settings)
    symbols = program_environment.symbols_of(task)
    folder = Path(symbols["SCRIPT_FOLDER"])
    arguments = command_template.arguments(symbols["SCRIPT"], symbols, folder)
    environment = program_environment.environment(task, os.environ)
    return Invocation(program_environment.with_interpreter(arguments), task.directory, environment)


def pattern_of(task: Task) -> OutputPattern | None:
    """Return what to search the output for, if anything. Raises UserError."""
    text = task.trial.config.get(PATTERN, "")
    return OutputPattern(compile_pattern(text)) if text else None


def epochs_of(task: Task) -> int:
    """Return the number of epochs that a trial is to have."""
    return int(task.trial.config[EPOCHS])


def _size(log: Path) -> int:
    return log.stat().st_size if log.is_file() else 0
