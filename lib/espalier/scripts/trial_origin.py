"""Where the result of a trial comes from that is trained without torch of ours."""

from __future__ import annotations

import functools
import os
import platform
from dataclasses import replace
from datetime import UTC, datetime

from espalier.core import revision
from espalier.core.records import Provenance
from espalier.core.trial import Task
from espalier.scripts import script_identity


def prepare() -> None:
    """Ask what runs here, before the first trial is timed, and before the code may change."""
    revision.code()
    _machine()


def origin_of(task: Task, fingerprint: str | None) -> Provenance:
    """Return the provenance of a result. `fingerprint` stands for the data that it is of."""
    return replace(
        _machine(),
        code=script_identity.code_of(task.settings),
        started=datetime.now(UTC).isoformat(),
        config=dict(task.trial.config),
        settings=dict(task.settings),
        threads=int(task.trial.config["CPU_THREADS"]),
        ranks=task.trial.ranks,
        data_fingerprint=fingerprint or None,
    )


@functools.cache
def _machine() -> Provenance:
    """Return what is the same for every trial of this process: packages and the machine."""
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return Provenance(
        versions=revision.versions(),
        device=f"gpu {gpus}" if gpus else f"cpu ({platform.processor() or platform.machine()})",
        platform=platform.platform(),
    )
