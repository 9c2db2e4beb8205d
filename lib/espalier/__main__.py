"""Run a verb of the command line: `python -m espalier VERB ...`.

The module of a verb is imported when that verb is called. Bad input is one line and exit code 2,
without a traceback. Requests to stop are heeded before anything else is imported.
"""

from __future__ import annotations

from espalier.core.process import standard_streams, stop_signals, utf8_mode

if __name__ == "__main__":
    stop_signals.install(patience=1)
    standard_streams.repair()
    utf8_mode.ensure()

import importlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402

from espalier import __version__  # noqa: E402
from espalier.commands import SWEEPS, VERBS  # noqa: E402
from espalier.commands.options.external_option import HELP, take_external  # noqa: E402
from espalier.commands.options.make_variables import check_variables  # noqa: E402
from espalier.core.errors import UserError  # noqa: E402
from espalier.core.process import os_errors, terminal  # noqa: E402

PROGRAM = "python -m espalier"
SWEEPING = {"sweep-run", "train", "race"}
"""Verbs that first find their sweep, and only then stop: it has attempts to close, and a report."""
BAD_INPUT, BAD_INPUT_OF = 2, {"verdict": 4}
"""The exit code of bad input, and of the verbs whose answer is an exit code, 2 among them."""
MISSPELT = (click.NoSuchOption, click.exceptions.NoSuchCommand)
COMPLETION = "_ESPALIER_COMPLETE"
"""The variable that a shell sets to get completions."""
SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "show_default": True,
    "max_content_width": 100,
}


def module_name(verb: str) -> str:
    """Return the module below `espalier.commands` that defines a verb."""
    stem = verb.replace("-", "_")
    return f"sweeps.{stem}" if verb in SWEEPS else stem


def load_command(verb: str) -> click.Command:
    """Return the command that the module of a verb defines."""
    module = importlib.import_module(f"espalier.commands.{module_name(verb)}")
    command: click.Command = module.command
    return command


class Verb(click.Command):
    """A verb whose module is not imported before it is called; its short help is known."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Import the module of the verb, and parse with the command that it defines."""
        check_variables(str(self.name), load_command)
        return load_command(str(self.name)).make_context(info_name, args, parent, **extra)


COMMAND_LINE = click.version_option(__version__, prog_name="espalier")(
    click.Group(
        "espalier",
        [Verb(verb, short_help=text) for verb, text in VERBS.items()],
        context_settings=SETTINGS,
        help="Benchmark networks that change shape while they train. `make help` lists the targets"
        f" that call these verbs. {HELP}",
        subcommand_metavar="VERB ...",
    )
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return the exit code."""
    with terminal.printable_output():
        return run_in_lines(sys.argv[1:] if argv is None else argv)


def run_in_lines(args: Sequence[str]) -> int:
    """Run a verb, print what is wrong in lines, and return the exit code."""
    try:
        args = take_external(args)
        if not set(args[:1]) & SWEEPING:
            stop_signals.raise_at_once()
        return _printed(run(args), args)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return 2
    except click.UsageError as error:
        print(f"error: {terminal.printable(describe_usage_error(error, args))}", file=sys.stderr)
        return _bad_input(args)
    except UserError as error:
        for line in error.lines:
            print(f"error: {terminal.printable(line)}", file=sys.stderr)
        return _bad_input(args)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return stop_signals.EXIT_INTERRUPTED
    except BrokenPipeError:  # `... | head` has seen enough
        standard_streams.flush()
        return 141
    except _unreadable() as error:
        print(f"error: {terminal.printable(_reason(error, args[0]))}", file=sys.stderr)
        return _bad_input(args)


def _bad_input(args: Sequence[str]) -> int:
    return BAD_INPUT_OF.get(args[0], BAD_INPUT) if args else BAD_INPUT


def run(args: Sequence[str]) -> int:
    """Run a verb and return the exit code. Raises what the verb raises, and click.UsageError."""
    if instruction := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete

        return shell_complete(COMMAND_LINE, {}, "espalier", COMPLETION, instruction)
    try:
        with COMMAND_LINE.make_context(PROGRAM, list(args)) as context:
            return int(COMMAND_LINE.invoke(context))
    except click.exceptions.Exit as end:  # of --help and --version
        return end.exit_code


def describe_usage_error(error: click.UsageError, args: Sequence[str]) -> str:
    """Return what is wrong with a command line, as one line: the verb, the fault, a hint."""
    path = [PROGRAM, args[0]] if args[0] in VERBS else [PROGRAM]
    near = error.possibilities if isinstance(error, MISSPELT) else None
    text = error.message if near else error.format_message()
    text = " ".join(text.split()).rstrip(".").replace(". ", "; ")
    hint = f"did you mean {' or '.join(near)}?" if near else f"see {' '.join(path)} --help"
    return ": ".join([*path[1:], f"{text[:1].lower()}{text[1:]}; {hint}"])


def _printed(code: int, args: Sequence[str]) -> int:
    """Return `code`. Raises OSError if what was printed cannot be written, unless a sweep ran."""
    error = standard_streams.flush()
    if error and not set(args[:1]) & SWEEPING:
        raise error
    return code


def _unreadable() -> tuple[type[Exception], ...]:
    """Return the exceptions of a file that cannot be read or written."""
    import sqlite3  # only once something was raised: most verbs do not need it

    return OSError, sqlite3.DatabaseError


def _reason(error: BaseException, verb: str) -> str:
    file = getattr(error, "filename", None) or verb
    if isinstance(error, OSError):
        return f"{file}: {os_errors.describe(error)}"
    return f"{file}: {' '.join(str(error).split())}"


def start() -> int:
    """Run the verb of the command line to the end of this process; return the exit code."""
    try:
        code = main()
        standard_streams.flush()
    except KeyboardInterrupt:
        code = stop_signals.EXIT_INTERRUPTED
    stop_signals.ignore()
    if code == stop_signals.EXIT_INTERRUPTED:
        standard_streams.show_cursor()
    return code


if __name__ == "__main__":
    sys.exit(start())
