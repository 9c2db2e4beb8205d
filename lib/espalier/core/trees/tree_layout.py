"""What a tree of components holds, and where: the same in ours and in those outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOMS = {
    "model": "models",
    "dataset": "datasets",
    "optimizer": "optimizers",
    "lr_schedule": "lr_schedules",
    "method": "methods",
    "sampler": "plan/samplers",
}
"""The folder of each kind of component."""
MENUS = "Kconfig"
"""The file of symbols that no component owns alone."""
DEFCONFIGS = "defconfigs"
"""The folder of presets and range files."""
TESTS = "tests"
"""The folder of tests; that of an installed package has the contracts alone."""
OF_PROGRAMS = "TRAINER_SCRIPT"
"""What a symbol depends on that only trials that are programs have."""
PATTERNS = ("*.Kconfig", "*/*.Kconfig")
"""The fragments of components in a room: beside their Python files, in families or not."""


def fragments(room: Path) -> Iterator[Path]:
    """Yield the Kconfig fragments of the components in a room."""
    for pattern in PATTERNS:
        yield from sorted(room.glob(pattern))
