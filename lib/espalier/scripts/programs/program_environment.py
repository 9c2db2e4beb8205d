"""What a trial's program is given: its environment, and a file with every symbol."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import sys
from collections.abc import Mapping, Sequence

from espalier.core.process import memory
from espalier.core.trial import Task
from espalier.core.trial_config import Config
from espalier.scripts.programs.supervised_program import FOLDER, Invocation

LOG, CONFIG = "measures.jsonl", "symbols.json"
"""The files in a trial's folder that its program appends measures to, and reads symbols from."""
_INTEGER = re.compile(r"-?\d{1,18}")
_FLOAT = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_INTERPRETERS = ("python", "python3")
_OF_WORKERS = (memory.SHARERS, memory.WORKERS, memory.DEVICES, "MALLOC_MMAP_THRESHOLD_")
_VISIBLE = "CUDA_VISIBLE_DEVICES"


def symbols_of(task: Task) -> dict[str, str]:
    """Return all symbols of a trial as text: those of its identity, and its settings."""
    return {**task.settings, **task.trial.config}


def environment(task: Task, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a trial's program: that of the worker, and what it is to know."""
    own = {name: text for name, text in inherited.items() if name not in _OF_WORKERS}
    if inherited.get(_VISIBLE):  # of several devices a worker has the first
        own[_VISIBLE] = inherited.get(memory.DEVICES) or inherited[_VISIBLE]
    symbols = {f"CONFIG_{name}": text for name, text in symbols_of(task).items()}
    threads = dict.fromkeys(memory.THREADS, Config(task.trial.config).read("CPU_THREADS", str))
    return {"PYTHONUNBUFFERED": "1", **own, **threads, **symbols, **_places(task)}


def _places(task: Task) -> dict[str, str]:
    return {
        "ESPALIER_LOG": str(task.directory.absolute() / LOG),
        "ESPALIER_CONFIG": str(task.directory.absolute() / CONFIG),
        FOLDER: str(task.directory.absolute()),
        "ESPALIER_SEED": task.trial.config.get("SEED", ""),
        "ESPALIER_ATTEMPT": str(task.attempts[0]),
        "ESPALIER_PYTHON": sys.executable,
    }


def write_symbols(task: Task) -> None:
    """Write the file of all symbols into the trial's folder. Raises OSError."""
    text = json.dumps(typed_symbols(task), indent=1, ensure_ascii=False)
    (task.directory / CONFIG).write_text(f"{text}\n", encoding="utf-8", errors="backslashreplace")


def typed_symbols(task: Task) -> dict[str, int | float | bool | str]:
    """Return all symbols of a trial as what they stand for, sorted by name."""
    return {name: _typed(text) for name, text in sorted(symbols_of(task).items())}


def _typed(text: str) -> int | float | bool | str:
    """Return what a text stands for: a number, True or False for y and n, or itself."""
    if text in ("y", "n"):
        return text == "y"
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def with_interpreter(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which a leading `python` is the one that runs here.

    So `import espalier` works in a program, and the versions in a result's provenance are those
    that it ran with. Another interpreter is named by its path.
    """
    first, *others = arguments
    return [sys.executable if first in _INTERPRETERS else first, *others]


def why_not_runnable(program: Invocation) -> str:
    """Return why the first argument of a program cannot be run here, empty if it can."""
    first, path = program.arguments[0], program.environment.get("PATH", os.defpath)
    if shutil.which(first, path=path):
        return ""
    if pathlib.Path(first).is_file():
        return f"{first}: may not be run; name its interpreter first, as in: python {first}, or sh"
    return f"{first}: there is no such program here"
