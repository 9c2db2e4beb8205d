"""A folder of `config_*` files that a user wrote: which are configurations, and their plan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.trial import Trial
from espalier.kconfig.symbols import Symbols
from espalier.plan import claim_seal, combinations, plan, staleness
from espalier.plan.outside_files import script_plan
from espalier.plan.plan import Plan

_BACKUP = re.compile(
    r".*(~|\.(old|bak|bk|backup|orig|save|saved|rej|tmp|part|sw[a-p]|un~|rpmsave|dpkg-old)"
    r"([.-]?[0-9]+)?|\.#.*| \(copy\))",
    re.IGNORECASE,
)


def list_configs(directory: Path) -> tuple[list[Path], list[str]]:
    """Return the configurations in a folder in natural order, and a note on what is left out.

    Backups are left out: `config_001.old` is what `make olddefconfig` leaves, the others come from
    editors and patches. A point alone makes none: `config_lr0.1` is a configuration.
    """
    files = sorted((p for p in directory.glob("config_*") if p.is_file()), key=_natural)
    backups = [path.name for path in files if _BACKUP.fullmatch(path.name)]
    configs = [path for path in files if path.name not in backups]
    note = f"{directory}: left out, as backups: {', '.join(backups)}"
    return configs, [note] if backups else []


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a key that puts config_2 before config_10."""
    return [(int(n or 0), text) for n, text in re.findall(r"(\d*)(\D*)", path.name)]


def join(symbols: Symbols, paths: Sequence[Path], singles: Sequence[Plan]) -> Plan:
    """Join the plans of single files to one: trials keep their files' names.

    Raises UserError where files differ in what holds for a whole sweep.
    """
    _check_settings(paths, singles)
    first: dict[str, tuple[Path, Trial]] = {}
    for path, single in zip(paths, singles, strict=True):
        first.setdefault(single.trials[0].id, (path, single.trials[0]))
    configs = {key: dict(trial.config) for key, (_, trial) in first.items()}
    axes = combinations.varied(
        configs, dict.fromkeys(name for config in configs.values() for name in config)
    )
    shape = script_plan.shape_symbols(symbols, singles[0].settings)
    trials = plan.number(configs, [axis["symbol"] for axis in axes], shape)
    counts = {"combinations": len(paths), "trials": len(trials), "same": len(paths) - len(trials)}
    return Plan(
        trials=[replace(trial, name=first[trial.id][0].name) for trial in trials],
        axes=axes,
        settings=singles[0].settings,
        sources=staleness.sources(paths, Path(symbols.kconf.srctree)),
        kconfig=singles[0].kconfig,
        controls=singles[0].controls,
        claims=claim_seal.seal(singles[0].settings, trials),
        counts=counts,
        notes=list(dict.fromkeys(note for single in singles for note in single.notes)),
        trees=singles[0].trees,
    )


def _check_settings(paths: Sequence[Path], singles: Sequence[Plan]) -> None:
    """Raise UserError unless what holds for a whole sweep is the same in all files."""
    for path, single in zip(paths, singles, strict=True):
        odd = sorted(dict(single.settings.items() ^ singles[0].settings.items()))
        if odd:
            raise UserError(f"{path}: CONFIG_{odd[0]} differs from {paths[0].name}; keep one value")
