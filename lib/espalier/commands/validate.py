"""`validate`: check the model, data and optimizer of the configuration, without its method."""

from __future__ import annotations

from pathlib import Path

import click

from espalier.commands.options.option_types import PATH
from espalier.core.paths import RESULTS
from espalier.kconfig import dotconfig


@click.command()
@click.option("--epochs", metavar="N", help="epochs of each training  [default: as configured]")
@click.option(
    "--json", "record", type=PATH, default=RESULTS / "validation.json", help="file for the record"
)
def command(epochs: str | None, record: Path) -> int:
    """Check the model and data of the configuration in .config.

    The environment variable KCONFIG_CONFIG names another file than .config. The exit code is 0 if
    every check passes, else 1.
    """
    from espalier.validation import validation_subject
    from espalier.validation.gates import run_gates
    from espalier.validation.validation_record import write_record

    task, results = validation_subject.make_validation_task(dotconfig.path(), epochs), []
    for gate in run_gates(lambda: validation_subject.prepare_trainer(task)):
        print(gate.verdict_line(), flush=True)
        results.append(gate)
    write_record(record, task, results)
    failed = sum(not gate.passed for gate in results)
    print(f"{len(results) - failed} of {len(results)} passed: {record}")
    return 1 if failed else 0
