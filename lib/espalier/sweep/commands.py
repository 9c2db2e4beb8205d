"""`sweep-generate`: what a sweep will be, before anything runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from espalier.errors import UserError
from espalier.paths import SWEEP_CONFIGS
from espalier.sweep import combinations, planning, sampling
from espalier.sweep.plan import Plan, write_plan


def generate(argv: list[str]) -> int:
    """Expand range files into a folder of trials. Raises UserError."""
    parser = argparse.ArgumentParser(prog="sweep-generate", description=generate.__doc__)
    add_range_files(parser)
    parser.add_argument("--output-dir", type=Path, default=SWEEP_CONFIGS)
    args = parser.parse_args(argv)
    plan = planned(args)
    write_plan(plan, args.output_dir)
    print("\n".join(report(plan)))
    print(f"\nWrote {len(plan.trials)} configurations to {args.output_dir}/")
    return 0


def add_range_files(parser: argparse.ArgumentParser) -> None:
    """The arguments that name a sweep: its range files, its size limit and its sampler."""
    parser.add_argument("files", nargs="+", metavar="RANGE_CONFIG", help="merged left to right")
    limit = os.environ.get("MAX_TRIALS") or None
    parser.add_argument("--max-trials", default=limit, metavar="N", help="largest plan allowed")
    given = os.environ.get("SAMPLER") or None
    parser.add_argument("--sampler", default=given, help=" or ".join(sampling.SAMPLERS))


def planned(args: argparse.Namespace) -> Plan:
    """The plan of the files that `add_range_files` took."""
    limit = args.max_trials
    if limit is not None and not (limit.isdecimal() and int(limit)):
        raise UserError(f"MAX_TRIALS={limit}: must be an integer above 0")
    files = [planning.find(name) for given in args.files for name in _names(given)]
    size = None if limit is None else int(limit)
    return planning.plan_from_files(files, size, sampler=args.sampler)


def _names(given: str) -> list[str]:
    """The files of one argument: make hands several on as one, and a path may have blanks."""
    return [given] if Path(given).is_file() else given.split() or [given]


def report(plan: Plan) -> list[str]:
    """A plan for people, a few lines."""
    lines = [f"Note: {note}" for note in plan.notes]
    lines += ["Variable parameters:"] if plan.axes else ["No variable parameters: one trial."]
    lines += [
        f"  CONFIG_{axis['symbol']}: {len(axis['values'])} values ({_some(axis['values'])})"
        for axis in plan.axes
    ]
    lines += sampling.lines(plan.design)
    return [*lines, *combinations.left_out(plan.counts, plan.dropped)]


def _some(values: list[str]) -> str:
    if len(values) <= 8:
        return ", ".join(values)
    return f"{', '.join(values[:3])}, ... {values[-1]}"
