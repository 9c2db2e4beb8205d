"""What range files request: their own symbols, or those of a foreign preset translated."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.core.texts.program_name import MAKE
from espalier.core.trees.tree_layout import DEFCONFIGS
from espalier.kconfig import defconfigs, range_file, requests
from espalier.kconfig.foreign import foreign_config
from espalier.kconfig.foreign.foreign_config import Translation
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.range_file import Setting
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan.outside_files import weights_file


def requested_parts(
    symbols: Symbols, paths: Sequence[Path], over: Sequence[Setting] = ()
) -> tuple[list[Requests], list[str]]:
    """Return the merged requests of files, later ones winning, and notes on what is in them.

    They are several only where a foreign preset means several range files. The settings `over` go
    before those of all files. Raises UserError, with every fault of all files.
    """
    faults = Faults()
    files = [_translated(symbols, path, faults) for path in paths]
    checked = [[requests.check(symbols, part, faults) for part in file.parts] for file in files]
    last = requests.check(symbols, over, faults)
    faults.check()
    merged = [requests.merge([*parts, last]) for parts in itertools.product(*checked)]
    notes = [note for file in files for note in file.notes]
    notes += [note for _, over in merged for note in over]
    return [weights_file.resolve_paths(part) for part, _ in merged], notes


def _translated(symbols: Symbols, path: Path, faults: Faults) -> Translation:
    settings = range_file.read_lines(path, faults)
    with faults.collect():
        return foreign_config.translate(symbols, settings)
    return Translation([])


def find(name: str, root: Path = ROOT) -> Path:
    """Return the range file `name`: as given, or, with a note, defconfigs/<its last part>.

    Raises UserError, with a name that is near, if there is none.
    """
    for path in (Path(name), root / name):
        if path.is_file():
            return path
    last = Path(name).name
    if preset := defconfigs.named(last, root):
        print(
            f"note: {name}: no such file; taking {defconfigs.shown(preset, root)}", file=sys.stderr
        )
        return preset
    if Path(name).is_dir():
        raise UserError(f"RANGE_CONFIG={name}: is no file; name a range file")
    near = defconfigs.near_range(last, root)
    hint = (
        f"did you mean {near}?" if near else f"they lie there; {MAKE} {defconfigs.LIST} lists them"
    )
    raise UserError(f"{name}: no such range file, nor {DEFCONFIGS}/{last}; {hint}")
