"""`verdict`: answer whether A is better than B, by the results of one sweep or of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from espalier.analysis.equivalence import Answer
from espalier.commands.options.option_types import (
    FOLDERS,
    alpha,
    as_json,
    make_option,
    margin,
    measure,
)
from espalier.core.paths import RESULTS
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.comparing.sweep_questions import answer_question, parse_sides
from espalier.report.comparing.verdict_report import render_verdict, verdict_json
from espalier.store.results_dir import newest_sweep

CODES = {answer: code for code, answer in enumerate(Answer)}
"""Exit codes: better 0, worse 1, equivalent 2, undecided 3."""


@click.command()
@make_option("A", "--a", "first", help="what may be better: PRUNING_METHOD=state, or config_012")
@make_option("B", "--b", "second", help="what it is compared with")
@make_option("WHERE", "--where", help="only configurations with these values")
@make_option(
    "SWEEP",
    "--sweep",
    "sweeps",
    type=FOLDERS,
    help="folders of sweeps, by commas  [default: newest]",
)
@margin
@alpha
@measure
@as_json
def command(
    first: str | None,
    second: str | None,
    where: str | None,
    sweeps: list[Path] | None,
    json: bool,
    **options: Any,
) -> int:
    """Answer whether A is better than B, seed by seed, by one sweep or by several together.

    The exit code is 0 for better, 1 for worse, 2 for equivalent, 3 for undecided, and 4 if the
    question is none, in one line.
    """
    sides = parse_sides(first, second, where)
    by = options.pop("by")
    opened = [open_sweep(folder, by) for folder in sweeps or [newest_sweep(RESULTS)]]
    verdict, repeated = answer_question(opened, sides, **options)
    say = verdict_json if json else render_verdict
    print(say(verdict, [str(sweep.folder) for sweep in opened], repeated), end="")
    return CODES[verdict.reply.answer]
