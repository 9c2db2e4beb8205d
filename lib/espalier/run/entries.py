"""Entries: the functions that train a trial in a worker, of which a plan's trainer names one."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from espalier.core.errors import UserError
from espalier.core.texts.program_name import how_to_install
from espalier.run.admission import FORKED_WORKER, LIGHT_WORKER, WORKER, WorkerMemory
from espalier.run.workers import fork_servers
from espalier.run.workers.fork_servers import TRAINING
from espalier.scripts.script_identity import LIBRARY as OWN
from espalier.scripts.script_identity import PROGRAMS, TRAINER

LIBRARY = f"{TRAINING}:train_trial"
_ENTRIES = {
    OWN: LIBRARY,
    PROGRAMS: "espalier.scripts.script_entry:train_trial",
    "function": "espalier.scripts.function_entry:train_trial",
}


def entry_of(settings: Mapping[str, str]) -> str:
    """Return what trains the trials of a plan with these settings, unless a user names another."""
    return _ENTRIES[settings.get(TRAINER, OWN)]


def check_installed(entry: str) -> None:
    """Raise UserError if trials are trained with torch and it is not installed."""
    if entry == LIBRARY and importlib.util.find_spec("torch") is None:
        raise UserError(f"torch is not installed; {how_to_install('train')} installs what trains")


def worker_memory(entry: str, on_cpu: bool) -> WorkerMemory:
    """Return the bytes that a warm worker takes. What a program of its own takes is not known.

    On a GPU what torch has for that is the worker's own.
    """
    if entry == _ENTRIES[PROGRAMS]:
        return LIGHT_WORKER
    return FORKED_WORKER if on_cpu and fork_servers.are_forked(entry) else WORKER
