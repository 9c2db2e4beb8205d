"""`validate`: whether the configuration's model, data and optimizer are sound, method left out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from espalier.atomic_write import atomic_write
from espalier.contracts import CannotTrain
from espalier.errors import UserError
from espalier.kconfig import assign, dotconfig, tree
from espalier.kconfig.symbols import Symbols
from espalier.paths import RESULTS
from espalier.sweep import planning
from espalier.sweep.results_dir import METHOD
from espalier.train import entry
from espalier.train.trainee import Trainee
from espalier.trial import Job, Trial
from espalier.validation.gate import Gate
from espalier.validation.gates import gates

JSON = RESULTS / "validation.json"
EPOCHS = "NUM_EPOCHS"
WHOLE = {"EARLY_STOP_PATIENCE": "0"}
"""What a check trains to its end whatever the configuration says."""


def validate(argv: Sequence[str]) -> int:
    """Check the configuration in .config; 0 if it passes everything, else 1."""
    parser = argparse.ArgumentParser(prog="validate", description=validate.__doc__)
    parser.add_argument("--epochs", help="of each training (default: as configured)")
    parser.add_argument(
        "--json", type=Path, default=JSON, help="written too (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    subject, found = job(dotconfig.path(), args.epochs), []
    for gate in gates(lambda: _fresh(subject)):
        print(gate.told(), flush=True)
        found.append(gate)
    _write(args.json, subject, found)
    failed = sum(not gate.passed for gate in found)
    print(f"{len(found) - failed} of {len(found)} passed: {args.json}")
    return 1 if failed else 0


def _fresh(subject: Job) -> Trainee:
    try:
        return entry.prepare(subject)[0]
    except CannotTrain as error:
        raise UserError(str(error)) from None


def job(path: Path, epochs: str | None = None) -> Job:
    """The trial of a `.config` without its method. Raises UserError if there are several."""
    found = planning.plan_of_one(path, "validated")
    wishes = {**WHOLE, EPOCHS: epochs} if epochs else WHOLE
    trial = plain(found.trials[0], found.controls, wishes)
    return Job(trial, found.settings, path.parent, lambda record: None)


def plain(trial: Trial, controls: Mapping[str, Sequence[str]], wishes: Mapping[str, str]) -> Trial:
    """`trial` with the method that others are compared with, and `wishes`. Raises UserError."""
    symbols = Symbols(tree.parse())
    wanted = {**trial.config, **wishes, METHOD: controls[METHOD][0]}
    for _ in range(2):  # a later value may be what makes an earlier one visible
        assign.load(symbols, wanted)
    config = assign.effective_config(symbols, symbols.identity)
    for name in [*wishes, METHOD]:
        if config.get(name, wanted[name]) != wanted[name]:
            rule = assign.why_invalid(symbols, name, wanted[name])
            raise UserError(f"CONFIG_{name}={wanted[name]}: {rule}")
    return replace(trial, config=config)


def _write(path: Path, subject: Job, found: Sequence[Gate]) -> None:
    config = {f"CONFIG_{name}": text for name, text in subject.trial.config.items()}
    passed = all(gate.passed for gate in found)
    record = {"passed": passed, "gates": [one.as_json() for one in found], "config": config}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(record, indent=2) + "\n")
