"""Making a plan: from range files, from one `.config`, or from a folder of config files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from espalier.errors import UserError
from espalier.kconfig import dotconfig, tree
from espalier.kconfig.symbols import Symbols
from espalier.paths import ROOT
from espalier.sweep import expand, fresh, matrix, plan, ranges, requests
from espalier.sweep.expand import Expansion
from espalier.sweep.plan import Plan
from espalier.sweep.requests import Requests
from espalier.trial import Record

DEFCONFIGS = "defconfigs"


def plan_from_files(
    paths: Sequence[Path],
    limit: int | None = None,
    symbols: Symbols | None = None,
    strict: bool = True,
) -> Plan:
    """The plan of range files merged left to right.

    `limit` is the largest number of trials, None for CONFIG_SWEEP_MAX_TRIALS. Every fixed value
    must take effect in some trial unless `strict` is off. Raises UserError.
    """
    symbols = symbols or Symbols(tree.parse())
    files = [requests.from_settings(symbols, ranges.read(path)) for path in paths]
    merged, notes = requests.merge(files)
    wanted = matrix.to_axes(symbols, merged)
    expansion = expand.expand(symbols, wanted, limit, strict)
    return _plan(symbols, wanted, expansion, paths, notes)


def plan_from_config(path: Path, limit: int | None = None, symbols: Symbols | None = None) -> Plan:
    """The plan of a complete `.config`: one trial, or a test matrix. Raises UserError."""
    dotconfig.require(path)
    return plan_from_files([path], limit, symbols, strict=False)


def plan_from_directory(directory: Path, symbols: Symbols | None = None) -> Plan:
    """The plan of a folder of `config_*` files that somebody wrote: one trial each.

    Trials keep their files' names; of two equal files the first counts. Raises UserError.
    """
    symbols = symbols or Symbols(tree.parse())
    paths = sorted((p for p in directory.glob("config_*") if p.is_file()), key=_natural)
    if not paths:
        raise UserError(f"{directory}: holds no config_* file")
    return _joined(symbols, paths, [_single(symbols, path) for path in paths])


def open_plan(directory: Path) -> Plan:
    """What a runner is to run in `directory`: its plan, checked against its sources and files.

    A folder without a plan is read as config files that somebody wrote. Raises UserError.
    """
    if not (directory / plan.PLAN).exists() and any(directory.glob("config_*")):
        return plan_from_directory(directory)
    found = plan.read_plan(directory)
    fresh.check_fresh(found)
    fresh.check_files(found, directory)
    return found


def find(name: str, root: Path = ROOT) -> Path:
    """The range file meant by `name`: as given, or defconfigs/<its last part>.

    Raises UserError with the nearest names if there is none.
    """
    folder = root / DEFCONFIGS
    for path in (Path(name), root / name, folder / Path(name).name):
        if path.is_file():
            return path
    known = sorted(p.name for p in folder.glob("*") if p.is_file() and "Kconfig" not in p.name)
    near = difflib.get_close_matches(Path(name).name, known, n=3, cutoff=0.4) or known[:5]
    hint = f"did you mean {' or '.join(near)}?" if near else f"put it into {DEFCONFIGS}/"
    raise UserError(f"{name}: no such range file, nor {DEFCONFIGS}/{Path(name).name}; {hint}")


def _plan(
    symbols: Symbols,
    wanted: Requests,
    expansion: Expansion,
    paths: Sequence[Path],
    notes: list[str],
) -> Plan:
    axes = [r for r in wanted.values() if r.is_axis]
    return Plan(
        trials=plan.number(expansion.configs, [axis.name for axis in axes]),
        axes=[{"symbol": axis.name, "values": list(axis.values)} for axis in axes],
        settings=expansion.settings,
        sources=fresh.sources(paths, Path(symbols.kconf.srctree)),
        kconfig=fresh.kconfig_hash(symbols),
        counts=expansion.counts(),
        dropped=[{"count": n, "reason": reason} for reason, n in expansion.reasons.items()],
        notes=notes,
    )


def _single(symbols: Symbols, path: Path) -> Plan:
    found = plan_from_files([path], symbols=symbols)
    if len(found.trials) != 1:
        trials = len(found.trials)
        raise UserError(f"{path}: means {trials} trials, not one; use make sweep-generate for it")
    return found


def _joined(symbols: Symbols, paths: Sequence[Path], singles: Sequence[Plan]) -> Plan:
    configs: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    for path, single in zip(paths, singles, strict=True):
        if single.settings != singles[0].settings:
            odd = sorted(dict(single.settings.items() ^ singles[0].settings.items()))[0]
            raise UserError(f"{path}: CONFIG_{odd} differs from {paths[0].name}; keep one value")
        configs.setdefault(single.trials[0].id, dict(single.trials[0].config))
        names.setdefault(single.trials[0].id, path.name)
    axes = _varied(configs)
    trials = [
        replace(t, name=names[t.id]) for t in plan.number(configs, [a["symbol"] for a in axes])
    ]
    return Plan(
        trials=trials,
        axes=axes,
        settings=singles[0].settings,
        sources=fresh.sources(paths, Path(symbols.kconf.srctree)),
        kconfig=singles[0].kconfig,
        counts={
            "combinations": len(paths),
            "trials": len(trials),
            "same": len(paths) - len(trials),
        },
    )


def _varied(configs: dict[str, dict[str, str]]) -> list[Record]:
    """The symbols that are not the same in all configurations, with the values they have."""
    symbols = dict.fromkeys(symbol for config in configs.values() for symbol in config)
    values = {s: dict.fromkeys(c[s] for c in configs.values() if s in c) for s in symbols}
    varied = (s for s in symbols if len({c.get(s) for c in configs.values()}) > 1)
    return [{"symbol": s, "values": list(values[s])} for s in varied]


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key that puts config_2 before config_10."""
    return [(int(n or 0), text) for n, text in re.findall(r"(\d*)(\D*)", path.name)]
