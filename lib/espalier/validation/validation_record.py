"""The record of a validation, as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from espalier.core.atomic_write import atomic_write
from espalier.core.trial import Task
from espalier.validation.gate import Gate


def write_record(path: Path, task: Task, gates: Sequence[Gate]) -> None:
    """Write whether all passed, each gate, and the configuration that was checked."""
    config = {f"CONFIG_{name}": text for name, text in task.trial.config.items()}
    passed = all(gate.passed for gate in gates)
    record = {"passed": passed, "gates": [gate.as_json() for gate in gates], "config": config}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(record, indent=2) + "\n")
