"""What a plan of programs needs beside its trials: a command that makes sense, its folder and hash.

All of it is checked before anything runs, and again before a sweep of the plan is run: whether its
user allows these programs, and whether their files are still what was planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.core.trial import Trial
from espalier.kconfig.advice import spelling
from espalier.kconfig.line_faults import LineError, Place
from espalier.kconfig.range_file import Setting, quote
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan.plan import Plan
from espalier.scripts import allowed_scripts, command_template, script_identity
from espalier.scripts.command_template import FOLDER, SCRIPT
from espalier.scripts.programs.output_pattern import SYMBOL as PATTERN
from espalier.scripts.programs.output_pattern import compile_pattern
from espalier.scripts.script_identity import (
    AGAIN,
    DIGEST,
    LIBRARY,
    PROGRAMS,
    TRAINER,
    ScriptIdentity,
)

FUNCTIONS, FUNCTION = "function", "TRAIN_FUNCTION"


def given_command(text: str) -> list[Setting]:
    """Return the settings of a command that the command line gives. Raises UserError."""
    place = Place(SCRIPT, 1)
    try:
        command_template.split(text)
    except UserError as error:
        raise LineError(place, str(error)) from None
    return [
        Setting(TRAINER, (PROGRAMS,), PROGRAMS, place),
        Setting(SCRIPT, (text,), quote(text), place),
    ]


def shape_symbols(symbols: Symbols, settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the symbols that trials of a pack agree in: none where the library trains none."""
    return symbols.shape if settings.get(TRAINER, LIBRARY) == LIBRARY else ()


def complete(made: Plan, requested: Requests, over: Sequence[Setting] = ()) -> Plan:
    """Return a plan with all that its programs need; one whose trials the library trains as it is.

    What the settings `over` of the command line have as the command is thereby allowed. Raises
    UserError.
    """
    if made.settings.get(TRAINER) == FUNCTIONS and not all(t.config[FUNCTION] for t in made.trials):
        rule = f"needs CONFIG_{FUNCTION}, which espalier.sweep(train=...) sets in Python"
        raise UserError(f"CONFIG_{TRAINER}={FUNCTIONS}: {rule}; choose another trainer")
    if not script_identity.is_of_programs(made.settings):
        return made
    commands = {trial.config[SCRIPT]: trial for trial in made.trials}
    for command, trial in commands.items():
        _check_command(command, requested, {**made.settings, **trial.config})
    for pattern in {trial.config[PATTERN] for trial in made.trials} - {""}:
        _check_pattern(pattern, requested)
    settings = {**made.settings, FOLDER: str(_folder(made, requested))}
    script = script_identity.identify((trial.config for trial in made.trials), settings)
    if any(each.symbol == SCRIPT for each in over):
        allowed_scripts.allow(script)
    elif not script.beside:
        raise _error(requested, script.commands[0], _no_file(settings[FOLDER]))
    return replace(made, settings={**settings, DIGEST: _digest(script, made.settings)})


def check_allowed(trials: Iterable[Trial], settings: Mapping[str, str], given: str = "") -> None:
    """Raise UserError unless the programs of trials are allowed, and their files as planned.

    `given` is what the user has given as ALLOW.
    """
    if not script_identity.is_of_programs(settings):
        return
    script = script_identity.identify((trial.config for trial in trials), settings)
    if script.digest != settings.get(DIGEST):
        files = ", ".join(map(str, script.files)) or "the files of the command"
        raise UserError(f"{files}: changed since the plan was made; {AGAIN}")
    allowed_scripts.check(script, given)


def _no_file(folder: str) -> str:
    return (
        f"names no file below {folder}, where its range file lies: put the program there, or give "
        f"the command itself: {SCRIPT}=..."
    )


def _digest(script: ScriptIdentity, settings: Mapping[str, str]) -> str:
    given = settings[DIGEST]
    if given not in ("", script.digest):
        rule = f"is not that of the files, {script.digest}; leave it out, or give the files meant"
        raise UserError(f"CONFIG_{DIGEST}={given}: {rule}")
    return script.digest


def _check_command(command: str, requested: Requests, values: Mapping[str, str]) -> None:
    """Raise UserError for a command that is none, or that names what is no symbol of its trial."""
    try:
        named = command_template.names(command)
    except UserError as error:
        raise _placed(requested, SCRIPT, error) from None
    for name in named:
        if name not in values:
            near = spelling.nearest(name, values)
            fix = f"did you mean {{{near}}}?" if near else "CONFIG_SCRIPT_KNOBS makes symbols"
            raise _error(requested, command, f"{{{name}}} is no symbol of its trials; {fix}")


def _check_pattern(text: str, requested: Requests) -> None:
    try:
        compile_pattern(text)
    except UserError as error:
        raise _placed(requested, PATTERN, error) from None


def _folder(made: Plan, requested: Requests) -> Path:
    """Return the folder that files of the command are below: as given, or where the command is.

    Raises UserError for a path that no configuration file can hold.
    """
    place = Path(requested[SCRIPT].place.path if SCRIPT in requested else "")
    beside = place.resolve().parent if place.is_file() else _working_folder(made)
    folder = (beside / made.settings[FOLDER]).resolve()
    if not str(folder).isprintable():
        rule = "no text is in its path, which a plan has; rename the folder"
        raise UserError(f"CONFIG_{FOLDER}={folder}: {rule}")
    return folder


def _working_folder(made: Plan) -> Path:
    """Return the folder of a command that no file has: the current one, or that of a range file.

    It is the first of them with a file that the command names.
    """
    beside = [Path(ROOT, source["path"]).parent for source in made.sources]
    words = [word for t in made.trials for word in command_template.split(t.config[SCRIPT])]
    for folder in (Path.cwd(), *beside):
        if any(command_template.find_file(word, folder) for word in dict.fromkeys(words)):
            return folder
    return Path.cwd()


def _error(requested: Requests, command: str, rule: str) -> UserError:
    if SCRIPT in requested:
        return requested[SCRIPT].error(command, rule)
    return UserError(f"CONFIG_{SCRIPT}={command}: {rule}")


def _placed(requested: Requests, symbol: str, error: UserError) -> UserError:
    """Return an error with the line of the symbol before it."""
    if symbol not in requested:
        return error
    return LineError(requested[symbol].place, str(error))
