"""`sweep-run`, `train` and `sweep-status`: what is asked on the command line or by make.

A variable given to make (PARALLEL=4, PACK=16, NEW=1, RANK_BY=test_acc) arrives in the
environment; an option on the command line wins over it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from espalier.errors import UserError
from espalier.paths import RESULTS, SWEEP_CONFIGS
from espalier.sweep import commands, launch, measures, plan, planning
from espalier.sweep.launch import Request
from espalier.sweep.plan import Plan
from espalier.sweep.rank_commands import newest
from espalier.sweep.status import status_lines
from espalier.trial import Trial

ENTRY = "espalier.train.worker_entry:train_trial"


def run(argv: Sequence[str]) -> int:
    """Run the plan of --config-dir, or go on with it."""
    parser = _parser("sweep-run", run.__doc__)
    help_text = "folder of the plan (default: %(default)s)"
    parser.add_argument("--config-dir", type=Path, default=SWEEP_CONFIGS, help=help_text)
    parser.add_argument("--dry-run", action="store_true", help="say what would run, and stop")
    args = parser.parse_args(argv)
    found = planning.open_plan(args.config_dir)
    usual = args.config_dir == SWEEP_CONFIGS and args.output_dir is None
    command = "make sweep-run" if usual else "the same command"
    request = _request(args, found, _with_texts(found, args.config_dir), command)
    return launch.preview(request) if args.dry_run else launch.run(request)


def train(argv: Sequence[str]) -> int:
    """Train the configuration in .config: one trial, or a test matrix."""
    args = _parser("train", train.__doc__).parse_args(argv)
    found = planning.plan_from_config(Path(os.environ.get("KCONFIG_CONFIG") or ".config"))
    if len(found.trials) > 1 or found.dropped or found.notes:
        print("\n".join(commands.report(found)) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        written = plan.write_plan(found, Path(folder) / "plan")
        texts = _with_texts(written, Path(folder) / "plan")
    return launch.run(_request(args, written, texts, "make"))


def status(argv: Sequence[str]) -> int:
    """Say how far a sweep is, beside its runner or after it."""
    parser = argparse.ArgumentParser(prog="sweep-status", description=status.__doc__)
    parser.add_argument("--dir", type=Path, help="folder of the sweep (default: the newest)")
    args = parser.parse_args(argv)
    for line in status_lines(args.dir or newest(RESULTS)):
        print(line)
    return 0


def _parser(name: str, text: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=name, description=text)
    add = parser.add_argument
    add("--output-dir", type=Path, help="folder of the results (default: a new one)")
    add("--parallel", default=os.environ.get("PARALLEL"), help="trials at a time (0: by device)")
    add("--pack", default=os.environ.get("PACK"), help="trials a program (0: by a short probe)")
    told = "swept symbols, or symbol=value: which trials start first"
    add("--priority", default=os.environ.get("PRIORITY"), help=told)
    add("--new", action="store_true", help="begin new results instead of going on")
    add("--rank-by", default=os.environ.get("RANK_BY"), help=" or ".join(measures.MEASURES))
    add("--in-process", action="store_true", help="no workers: for debuggers")
    add("--entry", default=ENTRY, help="what trains a trial (default: %(default)s)")
    return parser


def _with_texts(found: Plan, folder: Path) -> list[tuple[Trial, str]]:
    return [(trial, plan.config_text(folder, trial)) for trial in found.trials]


def _request(
    args: argparse.Namespace, found: Plan, trials: list[tuple[Trial, str]], command: str
) -> Request:
    if args.rank_by:
        measures.find(args.rank_by)
    return Request(
        header=found.header(),
        trials=trials,
        results=RESULTS,
        output=args.output_dir,
        parallel=_count("PARALLEL", args.parallel or found.settings["PARALLEL"]),
        pack=_count("PACK", args.pack or found.settings["PACK"]),
        priority=args.priority or found.settings.get("PRIORITY", ""),
        new=args.new or os.environ.get("NEW", "") not in ("", "0"),
        entry=args.entry,
        in_process=args.in_process,
        by=args.rank_by or None,
        command=command,
    )


def _count(name: str, text: str) -> int:
    if not text.isdecimal():
        rule = "must be an integer of at least 0"
        raise UserError(f"{name}={text}: {rule}; with 0 the machine decides")
    return int(text)
