"""The entry of a worker process whose trials are programs: a task in, a result out.

No torch is imported here, so that a machine without it can run programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from espalier.core.errors import UserError
from espalier.core.records import Provenance
from espalier.core.trial import TRIAL_SECONDS, Emit, Result, Status, Task, discard
from espalier.scripts import (
    script_identity,
    script_speed,
    trial_origin,
)
from espalier.scripts.epoch_records import REFUSED, BadMeasureError
from espalier.scripts.programs import program_environment, supervised_program
from espalier.scripts.programs.supervised_program import SupervisorLostError
from espalier.scripts.script_attempt import EnoughError, ScriptAttempt, pattern_of, program_of


def warm() -> None:
    """Start the supervisor, and ask the machine what it is, before the first trial is timed."""
    supervised_program.supervisor()
    trial_origin.prepare()


def supervisor() -> int:
    """Return the id of the process that ends what a trial has left if this one is killed."""
    return supervised_program.supervisor().process.pid


def train_trial(task: Task, emit: Emit = discard) -> Result:
    """Run the program of one trial to its end; `emit` takes the record of an epoch as it changes.

    Numbers that are not finite are a `failed` result. A program that cannot start, reports nothing
    or what is no measure is an `error` that is not tried again, one that exits with a code an
    `error` that is. Every result says what was run and where.
    """
    if task.rank:  # the first of several workers has the devices of all
        return Result(Status.PASSED)
    provenance = _origin(task)
    result = _guarded(lambda: _run(task, emit, provenance))
    return result if result.provenance.settings else replace(result, provenance=provenance)


def _run(task: Task, emit: Emit, provenance: Provenance) -> Result:
    """Run the program of a trial to its end, or to that of its time."""
    seconds = task.trial.config.get(TRIAL_SECONDS, "inf")
    attempt = ScriptAttempt(task, emit, float(seconds))
    try:
        return attempt.run(provenance)
    except EnoughError:
        result = attempt.records.result(task.settings["RANK_BY"], provenance)
    if result.status is Status.ERROR and not result.measures:
        rule = "were over before the program had reported a measure"
        return replace(result, message=f"CONFIG_{TRIAL_SECONDS}={seconds}: {rule}")
    return result


def preflight(task: Task) -> Result:
    """Check that this machine has the program of a trial.

    The result has the provenance that one of running the program would have.
    """
    return _guarded(lambda: _check(task))


def measure_speed(tasks: Sequence[Task]) -> Result:
    """Measure how long the first of `tasks` takes, for a while or to its end."""
    return _guarded(lambda: script_speed.measure(tasks[0]))


def _guarded(work: Callable[[], Result]) -> Result:
    """Return the result of `work`, or the error that it is refused with."""
    try:
        return work()
    except (UserError, BadMeasureError) as error:
        return Result(Status.ERROR, REFUSED, str(error))
    except SupervisorLostError:
        return Result(Status.ERROR, "crash", "the process that supervises programs was killed")


def _check(task: Task) -> Result:
    program = program_of(task)
    pattern_of(task)
    if why := program_environment.why_not_runnable(program):
        raise UserError(f"CONFIG_SCRIPT: {why}")
    return Result(Status.PASSED, provenance=_origin(task))


def _origin(task: Task) -> Provenance:
    """Return the provenance of a result. What the files of the command hold stands for the data."""
    return trial_origin.origin_of(task, task.settings.get(script_identity.DIGEST))
