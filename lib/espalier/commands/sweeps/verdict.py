"""`verdict`: answer whether A is better than B, by the results of one sweep or of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from espalier.analysis.arms import Arm, parse_arm
from espalier.analysis.comparing.arm_matching import ask
from espalier.analysis.comparing.arm_question import ArmVerdict, Question
from espalier.analysis.comparing.pooled_sweeps import pool
from espalier.analysis.equivalence import Answer
from espalier.analysis.rank import rank
from espalier.commands.options.option_types import alpha, as_json, make_option, margin, measure
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.report.comparing.opened_sweeps import OpenedSweep, common_measure, open_sweep
from espalier.report.comparing.verdict_report import render_verdict, verdict_json
from espalier.store.results_dir import newest_sweep

CODES = {answer: code for code, answer in enumerate(Answer)}
"""Exit codes: better 0, worse 1, equivalent 2, undecided 3."""


@click.command()
@make_option("A", "--a", "first", help="what may be better: PRUNING_METHOD=state, or config_012")
@make_option("B", "--b", "second", help="what it is compared with")
@make_option("WHERE", "--where", help="only configurations with these values")
@make_option("SWEEP", "--sweep", "sweeps", help="folders of sweeps, by commas  [default: newest]")
@margin
@alpha
@measure
@as_json
def command(
    first: str | None,
    second: str | None,
    where: str | None,
    sweeps: str | None,
    json: bool,
    **options: Any,
) -> int:
    """Answer whether A is better than B, seed by seed, by one sweep or by several together.

    The exit code is 0 for better, 1 for worse, 2 for equivalent, 3 for undecided, and 4 if the
    question is none, in one line.
    """
    within = parse_arm(where, "WHERE") if where else Arm()
    arms = (_arm("A", first), _arm("B", second), within)
    verdict, opened, repeated = answer_question(_folders(sweeps), arms, **options)
    say = verdict_json if json else render_verdict
    print(say(verdict, [str(sweep.folder) for sweep in opened], repeated), end="")
    return CODES[verdict.reply.answer]


def answer_question(
    folders: Sequence[Path],
    arms: tuple[Arm, Arm, Arm],
    alpha: float,
    margin: float,
    by: str | None,
) -> tuple[ArmVerdict, list[OpenedSweep], int]:
    """Return the verdict on A, B and WHERE, the sweeps, and the trials that several of them have.

    Raises UserError if the question is none, or a folder holds no sweep.
    """
    opened = [open_sweep(folder, by) for folder in folders]
    names = [arm.name for arm in arms if arm.name]
    if names and len(opened) > 1:
        raise UserError(f"{names[0]}: names a trial of each of several sweeps; give its values")
    results, repeated = pool([sweep.results for sweep in opened])
    ranking = rank(results, common_measure(opened))
    raced = any(sweep.raced for sweep in opened)
    question = Question(*arms, ranking.measure, alpha, margin, raced)
    return ask((*ranking.ranked, *ranking.unranked), question), opened, repeated


def _arm(name: str, text: str | None) -> Arm:
    if not text:
        raise UserError(
            f'{name} is missing: give two sides, as A="PRUNING_METHOD=state" '
            'B="PRUNING_METHOD=magnitude"'
        )
    return parse_arm(text, name)


def _folders(text: str | None) -> list[Path]:
    folders = [Path(part.strip()) for part in (text or "").split(",") if part.strip()]
    return folders or [newest_sweep(RESULTS)]
