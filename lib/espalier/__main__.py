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
from collections.abc import Callable, Iterator, Sequence  # noqa: E402
from contextlib import (  # noqa: E402
    AbstractContextManager,
    contextmanager,
    nullcontext,
)
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402

from espalier import __version__  # noqa: E402
from espalier.commands import CONFIGURATORS, SAME, SWEEPS, TARGETS, VERBS  # noqa: E402
from espalier.commands.options.external_option import HELP, take_external  # noqa: E402
from espalier.commands.options.make_variables import (  # noqa: E402
    check_variables,
    take_variables,
)
from espalier.core.errors import UserError  # noqa: E402
from espalier.core.process import os_errors, terminal  # noqa: E402
from espalier.core.texts.program_name import how_to_install  # noqa: E402

CONSOLE = Path(sys.argv[0]).stem == "espalier"
"""Whether this is the program of an installed package; then it is called like make."""
PROGRAM = "espalier" if CONSOLE else "python -m espalier"
SWEEPING = {"sweep-run", "train", "race", *SAME, "sweep"}
"""Verbs that first find their sweep, and only then stop: it has attempts to close, and a report."""
WORKING = SWEEPING | {"sweep-again", "resume", "search", "seed-finder", "growth-chain"}
"""Verbs that start workers, which are prepared while the rest of the program is imported."""
WITHOUT_WORKERS = {"-h", "--help", "--dry-run", "--in-process", "--entry", "EXECUTOR=ray"}
"""Words with which they start none, or not here, or others."""
Preparation = Callable[[Sequence[str]], AbstractContextManager[None]]
BAD_INPUT, BAD_INPUT_OF = 2, {"verdict": 4}
"""The exit code of bad input, and of the verbs whose answer is an exit code, 2 among them."""
TRAINING = {"torch", "torchvision", "sklearn", "mlxtend"}
"""Modules that need not be there where nothing is trained."""
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
    name = SAME.get(verb, verb)
    folder = "sweeps." if name in SWEEPS else "targets." if name in TARGETS else ""
    return folder + name.replace("-", "_")


def load_command(verb: str) -> click.Command:
    """Return the command that the module of a verb defines."""
    module = importlib.import_module(f"espalier.commands.{module_name(verb)}")
    command: click.Command = module.command
    return command


def load_configurator(target: str) -> click.Command:
    """Return the command that runs a target of `config`, which is known by its name."""
    from espalier.commands.config import run_target

    text = f"{CONFIGURATORS.get(target, 'New configuration of a preset')}."
    return click.Command(target, callback=partial(run_target, target), help=text)


class Verb(click.Command):
    """A verb whose module is not imported before it is called; its short help is known."""

    def __init__(
        self, name: str, text: str, load: Callable[[str], click.Command] = load_command
    ) -> None:
        """`text` is its short help, and `load` returns the command itself."""
        super().__init__(name, short_help=text)
        self._load = load

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Import the module of the verb, and parse with the command that it defines."""
        verb = str(self.name)
        command = self._load(verb)
        if not extra.get("resilient_parsing"):  # of a shell that completes
            args = take_variables(verb, command, args, alone=CONSOLE)
            check_variables(verb, self._load)
        return command.make_context(info_name, args, parent, **extra)


class Verbs(click.Group):
    """The verbs, and the presets: `<name>_defconfig` and `defconfig-<name>`."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the verb `name`, whether it is listed or not."""
        if name in SAME:
            return Verb(name, VERBS[SAME[name]])
        if name in CONFIGURATORS or name.endswith("_defconfig") or name.startswith("defconfig-"):
            return Verb(name, CONFIGURATORS.get(name, ""), load_configurator)
        return super().get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return what a shell completes: verbs, names of make for them, and presets."""
        from espalier.kconfig import defconfigs

        presets = [f"{path.name}_defconfig" for path in defconfigs.presets()]
        return [*super().list_commands(ctx), *CONFIGURATORS, *SAME, *presets]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs and the targets of `config`, a line each."""
        for title, texts in (("Verbs", VERBS), ("Configuration", CONFIGURATORS)):
            with formatter.section(title):
                formatter.write_dl(list(texts.items()))


COMMAND_LINE = click.version_option(__version__, prog_name="espalier")(
    Verbs(
        "espalier",
        [Verb(verb, text) for verb, text in VERBS.items()],
        context_settings=SETTINGS,
        help="Benchmark networks that change shape while they train. Verbs are called as targets of"
        f" make are, with variables: `sweep RANGE_CONFIG=my-range PARALLEL=2`. {HELP}",
        subcommand_metavar="VERB ...",
    )
)


def _unprepared(args: Sequence[str]) -> AbstractContextManager[None]:
    del args
    return nullcontext()


@contextmanager
def _prepared(args: Sequence[str]) -> Iterator[None]:
    """Let workers start at once, if a command line is likely to need them; keep a cluster."""
    if not set(args[:1]) & WORKING:
        yield
        return
    from espalier.run.ray import kept_cluster
    from espalier.run.workers import fork_servers

    words = {*args, f"EXECUTOR={os.environ.get('EXECUTOR', '')}"}
    workers = nullcontext() if words & WITHOUT_WORKERS else fork_servers.keeping()
    with kept_cluster.keeping(), workers:
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return the exit code."""
    with terminal.printable_output():
        return run_in_lines(sys.argv[1:], _prepared) if argv is None else run_in_lines(argv)


def run_in_lines(args: Sequence[str], prepared: Preparation = _unprepared) -> int:
    """Run a verb, print what is wrong in lines, and return the exit code.

    It runs in the block that `prepared` returns for the command line.
    """
    try:
        args = take_external(args)
        if not set(args[:1]) & SWEEPING:
            stop_signals.raise_at_once()
        with prepared(args):
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
    except ModuleNotFoundError as error:
        if error.name not in TRAINING:
            raise
        installs = how_to_install("train")
        raise UserError(f"{error.name} is not installed; {installs} installs it") from None


def describe_usage_error(error: click.UsageError, args: Sequence[str]) -> str:
    """Return what is wrong with a command line, as one line: the verb, the fault, a hint."""
    path = [PROGRAM, args[0]] if args[0] in VERBS else [PROGRAM]
    near = error.possibilities if isinstance(error, MISSPELT) else None
    if near is not None and f"sweep-{args[0]}" in VERBS:
        near = [f"sweep-{args[0]}"]
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
