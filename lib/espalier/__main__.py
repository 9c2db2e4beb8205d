"""`python -m espalier VERB ...`: a verb's module is imported once that verb is called.

A bad input is one line and exit code 2; no traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from espalier import __version__
from espalier.commands import VERBS
from espalier.core.errors import UserError

PROGRAM = "python -m espalier"
MISSPELT = (click.NoSuchOption, click.exceptions.NoSuchCommand)
COMPLETION = "_ESPALIER_COMPLETE"
"""What a shell sets to ask for completions."""
SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "show_default": True,
    "max_content_width": 100,
}


def module_name(verb: str) -> str:
    """Return the file of espalier/commands that holds a verb, without its ending."""
    return verb.replace("-", "_")


class Verb(click.Command):
    """A verb of which no more than its name and its short help is loaded until it is called."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Import the verb's module, and parse with the command that it defines."""
        module = importlib.import_module(f"espalier.commands.{module_name(str(self.name))}")
        command: click.Command = module.command
        return command.make_context(info_name, args, parent, **extra)


COMMAND_LINE = click.version_option(__version__, prog_name="espalier")(
    click.Group(
        "espalier",
        [Verb(verb, short_help=text) for verb, text in VERBS.items()],
        context_settings=SETTINGS,
        help="Sweeps over networks that change shape while they train. `make help` lists the"
        " targets that call these verbs.",
        subcommand_metavar="VERB ...",
    )
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    args = sys.argv[1:] if argv is None else argv
    try:
        return run(args)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return 2
    except click.UsageError as error:
        print(f"error: {one_line(error, args)}", file=sys.stderr)
        return 2
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except _unreadable() as error:
        print(f"error: {_reason(error, args[0])}", file=sys.stderr)
        return 2


def run(args: Sequence[str]) -> int:
    """Run one verb; returns the exit code. Raises what the verb raises, and click.UsageError."""
    if asked := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete

        return shell_complete(COMMAND_LINE, {}, "espalier", COMPLETION, asked)
    try:
        with COMMAND_LINE.make_context(PROGRAM, list(args)) as context:
            return int(COMMAND_LINE.invoke(context))
    except click.exceptions.Exit as ended:  # of --help and --version
        return ended.exit_code


def one_line(error: click.UsageError, args: Sequence[str]) -> str:
    """Return what is wrong with a command line: the verb, what click says of it, what helps."""
    path = [PROGRAM, args[0]] if args[0] in VERBS else [PROGRAM]
    near = error.possibilities if isinstance(error, MISSPELT) else None
    text = error.message if near else error.format_message()
    text = " ".join(text.split()).rstrip(".").replace(". ", "; ")
    hint = f"did you mean {' or '.join(near)}?" if near else f"see {' '.join(path)} --help"
    return ": ".join([*path[1:], f"{text[:1].lower()}{text[1:]}; {hint}"])


def _unreadable() -> tuple[type[Exception], ...]:
    """What a file that cannot be read or written raises where nobody says it better.

    Asked only once something was raised, so that a verb imports no more than it needs.
    """
    import sqlite3

    return OSError, sqlite3.DatabaseError


def _reason(error: BaseException, verb: str) -> str:
    file = getattr(error, "filename", None) or verb
    return f"{file}: {' '.join((getattr(error, 'strerror', None) or str(error)).split())}"


if __name__ == "__main__":
    sys.exit(main())
