"""`python -m espalier VERB ...`: each verb is a function `(argv) -> exit code`, loaded when asked.

A bad input is one line and exit code 2; no traceback.
"""

from __future__ import annotations

import importlib
import os
import sys

from espalier.errors import UserError

VERBS = {
    "config": "espalier.kconfig.frontends:main",
    "lint": "espalier.kconfig.lint:main",
    "sweep-generate": "espalier.sweep.commands:generate",
    "sweep-estimate": "espalier.sweep.estimate_command:estimate",
    "sweep-run": "espalier.sweep.run_commands:run",
    "sweep-status": "espalier.sweep.run_commands:status",
    "sweep-leaderboard": "espalier.sweep.rank_commands:leaderboard",
    "sweep-focus": "espalier.sweep.focus_command:run",
    "sweep-ladder": "espalier.sweep.ladder_command:ladder",
    "sweep-lineage": "espalier.sweep.lineage_command:lineage",
    "validate": "espalier.validation.command:validate",
    "evaluate": "espalier.evaluate_command:main",
    "remap": "espalier.remap_command:main",
    "train": "espalier.sweep.run_commands:train",
    "resume": "espalier.train.branch_command:resume",
    "search": "espalier.search.command:main",
    "seed-finder": "espalier.search.seed_command:find",
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] not in VERBS:
        print(f"usage: python -m espalier {{{','.join(VERBS)}}} ...", file=sys.stderr)
        return 2
    module, function = VERBS[args[0]].split(":")
    try:
        return int(getattr(importlib.import_module(module), function)(args[1:]))
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
