"""The options of verbs that plan a sweep: its range files, its size limit and its sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from espalier.commands.options.make_variables import SET
from espalier.commands.options.option_types import (
    Checked,
    OneOf,
    alpha,
    make_option,
    number_above,
    planned_measure,
    together,
)
from espalier.core.paths import RESULTS
from espalier.kconfig import defconfigs
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.range_file import Setting, parse_assignments
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning, range_requests
from espalier.plan.outside_files import script_plan
from espalier.plan.plan import Plan
from espalier.plan.samplers import sampling
from espalier.plan.stopping.deciding_measures import check_deciders, ranked_by

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the range files of defconfigs/, or, where files here begin so, the shell's own."""
    del ctx, param
    item = click.shell_completion.CompletionItem
    names = [path.name for path in defconfigs.ranges() if path.name.startswith(incomplete)]
    here = any(path.name.startswith(incomplete) for path in Path().iterdir())
    if here or not names:
        return [item(incomplete, type="file")]
    return [item(name) for name in names]


assignments = make_option(
    SET,
    "--set",
    "assignments",
    metavar="NAME=VALUE...",
    help="values that go before those of the range files: NUM_EPOCHS=5 SEED=1|2",
)
size_options = together(
    make_option(
        "MAX_TRIALS",
        "--max-trials",
        type=Checked(click.IntRange(min=1), "an integer above 0"),
        metavar="N",
        help="most trials that a plan may have",
    ),
    make_option("SAMPLER", "--sampler", type=OneOf(sampling.names()), help="how to choose trials"),
    make_option(
        "SAMPLER_TRIALS",
        "--sampler-trials",
        type=Checked(click.IntRange(min=1), "an integer above 0"),
        metavar="N",
        help="configurations that the sampler draws",
    ),
    make_option(
        "SAMPLER_SEED",
        "--sampler-seed",
        type=Checked(click.IntRange(min=0), "an integer from 0"),
        metavar="N",
        help="seed of the draw",
    ),
    assignments,
    make_option(
        "SCRIPT",
        "--script",
        "script",
        metavar="COMMAND",
        help='command that each trial is: "python train.py --lr {LEARNING_RATE}"',
    ),
)
range_options = together(
    click.argument(
        "files",
        nargs=-1,
        required=True,
        metavar="RANGE_CONFIG...",
        shell_complete=_complete,
        help="range files, merged from left to right",
    ),
    size_options,
)


power_options = together(
    make_option(
        "DETECT",
        "--detect",
        type=number_above(0),
        metavar="D",
        help="difference that is to be seen, in the measure's unit",
    ),
    planned_measure,
    alpha,
)


@dataclass(frozen=True)
class SizeOptions:
    """The values of `size_options`."""

    max_trials: int | None = None
    sampler: str | None = None
    sampler_trials: int | None = None
    sampler_seed: int | None = None
    assignments: str | None = None
    script: str | None = None

    def settings(self) -> list[Setting]:
        """Return what goes before the settings of range files. Raises UserError."""
        drawn = {"TRIALS": self.sampler_trials, "SEED": self.sampler_seed}
        return [
            *read_assignments(self.assignments),
            *([sampling.sampler_setting(self.sampler)] if self.sampler else []),
            *(sampling.draw_setting(n, value) for n, value in drawn.items() if value is not None),
            *(script_plan.given_command(self.script) if self.script else []),
        ]


def read_plan(
    files: Sequence[str], options: SizeOptions, by: str | None = None
) -> tuple[Plan, Symbols]:
    """Return the plan that `range_options` describe, and the symbols that it was made with.

    Its claims are checked, and so is what decides if `by` ranks. Raises UserError.
    """
    paths = [range_requests.find(name) for given in files for name in _names(given)]
    over = options.settings()
    symbols = planning.parse_for(paths, over)
    plan = planning.plan_from_files(paths, options.max_trials, symbols, over=over)
    if plan.claims is not None:
        from espalier.analysis.claims.claim_text import check_claims  # few plans have any

        check_claims(plan.claims, plan.trials)
    check_deciders(ranked_by(plan.header(), by), plan.trials)
    return plan, symbols


def read_assignments(text: str | None) -> list[Setting]:
    """Return the settings of a text of SET. Raises UserError, with every fault."""
    faults = Faults()
    settings = parse_assignments(text or "", SET, faults)
    faults.check()
    return settings


@dataclass(frozen=True)
class PowerOptions:
    """The values of `power_options`."""

    by: str | None
    alpha: float
    detect: float | None

    def describe(self, plan: Plan, entry: str | None = None) -> list[str]:
        """Return what the plan's seeds can see, as lines, by what earlier sweeps show."""
        from espalier.report.comparing.power_report import power_lines, read_wish  # with the store

        header = plan.header()
        wish = read_wish(header, self.by, self.alpha, self.detect)
        return power_lines(header, plan.trials, RESULTS, wish, entry)


def _names(given: str) -> list[str]:
    """Return the files of an argument: make joins several by blanks, which a path may have too."""
    return [given] if Path(given).is_file() else given.split() or [given]
